"""The keyring on its disk: made, opened, changed. Every change leaves the old or the new, whatever breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrage.x25519 import Identity

from homeprod.control.keyring import backup, rotation
from homeprod.control.keyring import files as names
from homeprod.control.keyring.content import Content, follow
from homeprod.control.keyring.disk import Disk, explain_refusal
from homeprod.control.keyring.files import Label
from homeprod.control.keyring.hidden import Covered, Hidden
from homeprod.control.keyring.opening import open_content, open_identity, read_identity
from homeprod.control.keyring.passphrase import read_new_passphrase, read_passphrase
from homeprod.control.keyring.sealing import (
    ScryptWrapping,
    Wrapping,
    describe_identity,
    make_identity,
    seal,
)
from homeprod.control.keyring.secrets import Secrets
from homeprod.control.keyring.store import Store
from homeprod.core.errors import ControlError


class Keyring:
    """In ``folder``, which is made where it is missing; what lies above it must be there. Every method raises
    ControlError, and what it did not do it left as it was."""

    def __init__(self, folder: Path, *, wrapping: Wrapping | None = None, disk: Disk | None = None) -> None:
        self._where = str(folder)
        self._wrapping = wrapping or ScryptWrapping()
        self._disk = disk or Disk()
        self._store = Store(folder, self._disk)

    def exists(self) -> bool:
        """Whether there is one, be it damaged."""
        with explain_refusal("read", self._where):
            return self._store.exists()

    def administrators(self) -> list[str]:
        """Whose identity is there; needs no passphrase."""
        return names.list_people(self._read())

    # Opening

    def open(self, administrator: str, passphrase: bytes | bytearray) -> Secrets:
        """Raises WrongPassphraseError, DamagedKeyringError, NewerKeyringError, UnfitPassphraseError (empty, not
        UTF-8), or ControlError where nobody of that name is in it."""
        passphrase = Covered(passphrase)
        files = self._read_existing()
        identity = open_identity(files, administrator, read_passphrase(passphrase), self._wrapping, self._where)
        secrets = open_content(files, identity, self._where)
        self._clear_leftovers()
        return secrets

    def open_with_identity(self, identity: str) -> Secrets:
        """With the recovery identity, as printed (``AGE-SECRET-KEY-…``). Raises WrongPassphraseError where it is
        another one."""
        words, identity = Hidden(identity), ""
        files = self._read_existing()
        secrets = open_content(files, read_identity(words), self._where)
        self._clear_leftovers()
        return secrets

    # Changing

    def create(self, secrets: Secrets, administrator: str, passphrase: bytes | bytearray) -> str:
        """Seal new secrets; the recovery identity, to be printed once and kept on paper. Raises ControlError where
        there is a keyring already."""
        passphrase = Covered(passphrase)
        identity, recovery = make_identity(), make_identity()
        recipients = {administrator: str(identity.to_public())}
        after = follow(secrets.content, recipients=recipients, recovery=str(recovery.to_public()))
        sealed = self._wrap(
            identity, administrator, after, read_new_passphrase(passphrase, _list_words(administrator, after))
        )
        with self._changing():
            if self._store.exists():
                raise ControlError(
                    "there is a keyring already",
                    where=self._where,
                    hint="it is taken over as it is; unlock it with the passphrase that it was sealed with",
                )
            self._put(secrets, after, names.add_checksums(sealed))
        return str(recovery)

    def add_administrator(
        self, secrets: Secrets, name: str, passphrase: bytes | bytearray, *, replaces: bool = False
    ) -> None:
        """With ``replaces`` for one who is in it already and lost the passphrase: a new identity, and the old one
        opens nothing any more."""
        passphrase = Covered(passphrase)
        if name in secrets.content.recipients and not replaces:
            raise ControlError(
                f"{name} is an administrator of this keyring already",
                hint="to give them a new passphrase in place of a lost one, say that it replaces the old one",
            )
        identity = make_identity()
        recipients = {**secrets.content.recipients, name: str(identity.to_public())}
        after = follow(secrets.content, recipients=recipients)
        sealed = self._wrap(identity, name, after, read_new_passphrase(passphrase, _list_words(name, after)))
        self._change(secrets, after, names.add_checksums(sealed))

    def remove_administrator(self, secrets: Secrets, name: str) -> list[str]:
        """Seal it anew to those who remain; the names of the secrets that the person could have read, and that are
        to be rotated. Raises ControlError for the last one, who alone could open it with a passphrase."""
        people = secrets.content.recipients
        if name not in people:
            raise names.explain_stranger(name, sorted(people))
        if len(people) == 1:
            raise ControlError(f"{name} is the last administrator", hint="add another one first")
        recipients = {person: key for person, key in people.items() if person != name}
        self._change(secrets, follow(secrets.content, recipients=recipients), {})
        return secrets.names()

    def change_passphrase(self, name: str, old: bytes | bytearray, new: bytes | bytearray) -> Secrets:
        """A new identity under the new passphrase, so that a copy of the old file is of no use for what comes; the
        secrets as they are now, for who holds older ones."""
        old, new = Covered(old), Covered(new)
        secrets = self.open(name, old)
        self.add_administrator(secrets, name, new, replaces=True)
        return secrets

    def renew_recovery(self, secrets: Secrets) -> str:
        """Another recovery identity, to be printed once; the one before opens nothing any more."""
        recovery = make_identity()
        self._change(secrets, follow(secrets.content, recovery=str(recovery.to_public())), {})
        return str(recovery)

    def add_environment(self, secrets: Secrets, name: str) -> None:
        """For an environment that the site has got since: an SSH key and a vault password."""
        self._change(secrets, rotation.add_environment(secrets.content, name), {})

    def put_authority(self, secrets: Secrets, environment: str, kept: Hidden) -> None:
        """In place of the one that there was. Raises ControlError for an environment that has no keys."""
        if environment not in secrets.environments:
            hint = f"make them first:\n\n  homeprod control secret add {environment}"
            raise ControlError(f"the keyring has no keys of {environment}", where=self._where, hint=hint)
        self._change(
            secrets,
            follow(secrets.content, authorities={**secrets.content.authorities, environment: kept}),
            {},
        )

    def rotate(self, secrets: Secrets, what: str) -> Secrets:
        """Make a successor of a secret (``lab/vault-password``), or of ``all``. The one in force stays so until
        :meth:`finish_rotation`: the successor must first be where it is needed."""
        self._change(secrets, rotation.begin(secrets.content, what), {})
        return secrets

    def finish_rotation(self, secrets: Secrets, what: str) -> Secrets:
        """The successors take the places of what they follow, which is forgotten."""
        self._change(secrets, rotation.settle(secrets.content, what, is_taken=True), {})
        return secrets

    def drop_rotation(self, secrets: Secrets, what: str) -> Secrets:
        """The successors are forgotten."""
        self._change(secrets, rotation.settle(secrets.content, what, is_taken=False), {})
        return secrets

    def reseal(self, secrets: Secrets) -> None:
        """Write it anew from what is held in memory: mends damage on the disk, but for people's own files."""
        self._change(secrets, follow(secrets.content), {})

    # Back-ups

    def back_up(self, to: Path) -> None:
        """One file, sealed as the keyring is, in the place of what is there. Raises DamagedKeyringError rather than
        to replace a good back-up by a bad one."""
        files = self._read_existing()
        backup.check_whole(files, self._where)
        with explain_refusal("write the back-up of", self._where, "what was there before is still there"):
            backup.write_back_up(self._disk, to, backup.pack(files))

    def restore(self, source: Path, *, is_forced: bool = False) -> Label:
        """Put a back-up in the place of what is there; what it is of. Secrets that are held in memory are not those
        of the disk then: lock. Raises DamagedKeyringError, NewerKeyringError, or ControlError where it is older than
        what is there, of another node, or nobody can say; forced, these are no reason, and what is replaced is kept
        beside it as ``replaced-N.tar``, a back-up too."""
        with explain_refusal("read the back-up of", self._where), source.open("rb") as stream:
            data = stream.read(backup.MOST_BYTES)
        files = backup.unpack(data, str(source))
        label = backup.check_whole(files, str(source))
        with self._changing():
            here = self._read()
            if is_forced:
                self._keep_replaced(here)
            else:
                backup.refuse_older(here, label, self._where)
            self._store.commit(files)
        return label

    def _keep_replaced(self, files: Mapping[str, bytes]) -> None:
        """Force says that a keyring may be undone, not that it may be lost: it may be the only copy."""
        if generation := self._store.find_folder():
            number = generation.name.rpartition("-")[2]
            backup.write_back_up(self._disk, self._store.folder / f"replaced-{number}.tar", backup.pack(files))

    # Writing

    def _wrap(self, identity: Identity, person: str, content: Content, passphrase: Hidden) -> dict[str, bytes]:
        text = describe_identity(identity, f"{person}, of {content.node}")
        return {names.name_identity(person): self._wrapping.wrap(text, passphrase)}

    def _change(self, secrets: Secrets, after: Content, identities: dict[str, bytes]) -> None:
        """``identities`` are new ones with their checksums; everybody else's stay as they are."""
        with self._changing():
            files = self._read_existing()
            self._refuse_stale(files, secrets)
            for person in after.recipients:
                if names.name_identity(person) not in identities:
                    identities |= names.keep_identity(files, person)
            self._put(secrets, after, identities)

    def _put(self, secrets: Secrets, after: Content, identities: Mapping[str, bytes]) -> None:
        sealed = seal(after.render(), [*after.recipients.values(), after.recovery])
        beside = {
            names.KEYRING: sealed,
            names.RECIPIENTS: names.render_label(after),
            names.RECOVERY: f"{after.recovery}\n".encode(),
        }
        self._store.commit({**names.add_checksums(beside), **identities})
        secrets.content, secrets.sealed_as = after, names.digest(sealed)

    def _refuse_stale(self, files: Mapping[str, bytes], secrets: Secrets) -> None:
        """What was changed by somebody else meanwhile must not be undone; what is damaged may be mended."""
        if names.is_whole(files, names.KEYRING) and names.digest(files[names.KEYRING]) != secrets.sealed_as:
            raise ControlError(
                "the keyring was changed since it was opened",
                where=self._where,
                hint="somebody else did that just now; repeat this, which opens it anew",
            )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Held, and tidied up afterwards."""
        with explain_refusal("write", self._where), self._store.hold():
            yield
            with explain_refusal(
                "tidy up", self._where, "the change itself is made; the next one clears what it replaced"
            ):
                self._store.tidy()

    def _read(self) -> dict[str, bytes]:
        with explain_refusal("read", self._where):
            return self._store.read()

    def _read_existing(self) -> dict[str, bytes]:
        """Raises NewerKeyringError, or ControlError where there is none."""
        files = self._read()
        if not files:
            hint = (
                "bootstrap makes one; if there was one, look whether the data disk is attached, or restore a back-up"
            )
            raise ControlError("there is no keyring", where=self._where, hint=hint)
        names.read_label(files, self._where)
        return files

    def _clear_leftovers(self) -> None:
        """Of a change that was cut off. From a disk that can only be read a keyring must open all the same, and the
        next change clears them or says why it cannot."""
        with contextlib.suppress(OSError):
            if not self._store.is_tidy():
                with self._store.hold():
                    self._store.tidy()


def _list_words(person: str, content: Content) -> list[str]:
    """That anybody would try first."""
    return [person, content.node, *content.environments]
