"""The keyring on its disk: made, opened, changed. Every change leaves the old or the new, whatever breaks.

age files are authenticated, so one that opens is whole; why one does not open is told by the checksum beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyrage.x25519 import Identity

from homeprod.control.keyring import files as names
from homeprod.control.keyring.disk import Disk
from homeprod.control.keyring.errors import WrongPassphraseError
from homeprod.control.keyring.hidden import Covered, Hidden
from homeprod.control.keyring.passphrase import read_new_passphrase, read_passphrase
from homeprod.control.keyring.sealing import (
    ScryptWrapping,
    Wrapping,
    describe_identity,
    make_identity,
    parse_identity,
    seal,
    unseal,
)
from homeprod.control.keyring.secrets import Content, Secrets, follow, make_secret, name_secrets, parse_content
from homeprod.control.keyring.store import Store
from homeprod.core.errors import ControlError

_FORGOTTEN = "type it again; if it is lost, another administrator or the recovery identity still opens the keyring"


class Keyring:
    """In ``folder``, which is made where it is missing; what lies above it must be there. Every method raises
    ControlError, and what it did not do it left as it was."""

    def __init__(self, folder: Path, *, wrapping: Wrapping | None = None, disk: Disk | None = None) -> None:
        self._folder = folder
        self._wrapping = wrapping or ScryptWrapping()
        self._disk = disk or Disk()
        self._store = Store(folder, self._disk)

    def exists(self) -> bool:
        """Whether there is one, be it damaged."""
        with self._explain("read"):
            return self._store.exists()

    def administrators(self) -> list[str]:
        """Whose identity is there; needs no passphrase."""
        return names.list_people(self._read())

    # Opening

    def open(self, administrator: str, passphrase: bytes | bytearray) -> Secrets:
        """Raises WrongPassphraseError, DamagedKeyringError, NewerKeyringError, UnfitPassphraseError (empty, not
        UTF-8), or ControlError where nobody of that name is in it."""
        passphrase = Covered(passphrase)
        files = self._read()
        identity = self._open_identity(files, administrator, read_passphrase(passphrase))
        secrets = self._open_content(files, identity)
        self._clear_leftovers()
        return secrets

    def open_with_identity(self, identity: str) -> Secrets:
        """With the recovery identity, as printed (``AGE-SECRET-KEY-…``). Raises WrongPassphraseError where it is
        another one."""
        words = Hidden(identity)
        identity = ""
        files = self._read()
        names.read_label(files, str(self._folder))
        parsed = parse_identity(words)
        if parsed is None:
            raise WrongPassphraseError(
                "this is no recovery identity, or it is mistyped: its own checksum does not fit",
                hint="it begins with AGE-SECRET-KEY- and has 74 characters; 1, I and l, 0 and O are easily confused",
            )
        secrets = self._open_content(files, parsed)
        self._clear_leftovers()
        return secrets

    def _open_identity(self, files: Mapping[str, bytes], person: str, passphrase: Hidden) -> Identity:
        names.read_label(files, str(self._folder))
        name = names.name_identity(person)
        if name not in files:
            raise _explain_stranger(person, names.list_people(files))
        text = self._wrapping.unwrap(files[name], passphrase)
        identity = None if text is None else parse_identity(text)
        if identity is not None:
            return identity
        if text is not None or not names.is_whole(files, name):
            raise names.describe_damage(files, name, str(self._folder))
        raise WrongPassphraseError(f"this is not the passphrase of {person}", hint=_FORGOTTEN)

    def _open_content(self, files: Mapping[str, bytes], identity: Identity) -> Secrets:
        sealed = files.get(names.KEYRING)
        text = None if sealed is None else unseal(sealed, identity)
        if sealed is None or (text is None and not names.is_whole(files, names.KEYRING)):
            raise names.describe_damage(files, names.KEYRING, str(self._folder))
        if text is None:
            raise WrongPassphraseError(
                "this identity does not open the keyring: it is not sealed to it",
                where=str(self._folder),
                hint="it may be of another keyring, or of before a change; " + _FORGOTTEN,
            )
        return Secrets(parse_content(text), names.digest(sealed))

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
                    where=str(self._folder),
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
            raise _explain_stranger(name, sorted(people))
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
        if name in secrets.environments:
            raise ControlError(f"the keyring has the environment {name} already", hint="nothing is to be done")
        environments = (*secrets.environments, name)
        held = secrets.content.current
        current = {one: held.get(one) or make_secret(one) for one in name_secrets(environments)}
        self._change(secrets, follow(secrets.content, environments=environments, current=current), {})

    def rotate(self, secrets: Secrets, what: str) -> Secrets:
        """Make a successor of a secret (``lab/vault-password``), or of ``all``. The one in force stays so until
        :meth:`finish_rotation`: the successor must first be where it is needed."""
        chosen = secrets.names() if what == "all" else [what]
        for name in chosen:
            secrets.require(name)
        following = {**secrets.content.next, **{name: make_secret(name) for name in chosen}}
        self._change(secrets, follow(secrets.content, next=following), {})
        return secrets

    def finish_rotation(self, secrets: Secrets, what: str) -> Secrets:
        """The successors take the places of what they follow, which is forgotten."""
        return self._settle(secrets, what, is_taken=True)

    def drop_rotation(self, secrets: Secrets, what: str) -> Secrets:
        """The successors are forgotten."""
        return self._settle(secrets, what, is_taken=False)

    def reseal(self, secrets: Secrets) -> None:
        """Write it anew from what is held in memory: mends damage on the disk, but for people's own files."""
        self._change(secrets, follow(secrets.content), {})

    def _settle(self, secrets: Secrets, what: str, *, is_taken: bool) -> Secrets:
        waiting = secrets.content.next
        chosen = {name: value for name, value in waiting.items() if what in (name, "all")}
        if not chosen:
            hint = f"what is: {', '.join(waiting)}" if waiting else "begin one first"
            raise ControlError(f"no rotation of {what} has been begun", hint=hint)
        current = {**secrets.content.current, **chosen} if is_taken else secrets.content.current
        following = {name: value for name, value in waiting.items() if name not in chosen}
        self._change(secrets, follow(secrets.content, current=current, next=following), {})
        return secrets

    # Writing

    def _wrap(self, identity: Identity, person: str, content: Content, passphrase: Hidden) -> dict[str, bytes]:
        text = describe_identity(identity, f"{person}, of {content.node}")
        return {names.name_identity(person): self._wrapping.wrap(text, passphrase)}

    def _change(self, secrets: Secrets, after: Content, identities: dict[str, bytes]) -> None:
        """``identities`` are new ones with their checksums; everybody else's stay as they are."""
        with self._changing():
            files = self._read()
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
                where=str(self._folder),
                hint="lock the node and unlock it again, then repeat this",
            )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Held, and tidied up afterwards."""
        with self._explain("write"), self._store.hold():
            yield
        with self._explain("tidy up", "the change itself is made; the next one clears what it replaced"):
            self._store.tidy()

    def _read(self) -> dict[str, bytes]:
        with self._explain("read"):
            return self._store.read()

    def _clear_leftovers(self) -> None:
        """Of a change that was cut off. From a disk that can only be read a keyring must open all the same, and the
        next change clears them or says why it cannot."""
        with contextlib.suppress(OSError):
            if not self._store.is_tidy():
                with self._store.hold():
                    self._store.tidy()

    @contextlib.contextmanager
    def _explain(
        self, deed: str, hint: str = "nothing was changed; make room or mend the disk, then repeat it"
    ) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ControlError(
                f"cannot {deed} the keyring: {error.strerror or error}", where=str(self._folder), hint=hint
            ) from error


def _explain_stranger(person: str, people: list[str]) -> ControlError:
    if people:
        return ControlError(
            f"{person} is no administrator of this keyring", hint=f"those who are: {', '.join(people)}"
        )
    return ControlError(
        "nobody is left in this keyring: it has no administrator's identity",
        hint="the recovery identity still opens it; add an administrator with it, or restore a back-up",
    )


def _list_words(person: str, content: Content) -> list[str]:
    """That anybody would try first."""
    return [person, content.node, *content.environments]
