"""Order: a certificate of a public authority (ACME, RFC 8555), for a request that a proxy made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from acme import challenges, client, errors, messages

from homeprod.control.certificates.account import Account, connect, log_in
from homeprod.control.certificates.proof import Kind, Proof, Stage
from homeprod.control.certificates.trouble import Patience, explain
from homeprod.core.errors import CertificateError
from homeprod.network.certificates.chain import Chain

LIMIT = timedelta(minutes=3)
"""For the authority to look at every proof, and to issue."""


@dataclass(frozen=True, slots=True)
class Issued:
    """``leftover`` says what could not be cleared away afterwards; empty where all was."""

    chain: Chain
    leftover: str


def order(account: Account, request: bytes, stage: Stage, limit: timedelta = LIMIT) -> Issued:
    """Raises CertificateError; whatever was shown is taken away then too."""
    patience = Patience()
    with explain(account.directory, patience):
        server = log_in(account, patience)
        begun = server.new_order(request, profile=account.profile or None)
        chosen = _choose(server, begun, stage.kind, account.directory)
        proofs = [proof for proof, _ in chosen]
        try:
            stage.show(proofs)
            for _, challenge in chosen:
                server.answer_challenge(challenge, challenge.response(server.net.key))
            deadline = datetime.now() + limit  # noqa: DTZ005 (so the library has it)
            ended = server.poll_and_finalize(begun, deadline)
        except BaseException:
            _clear(stage, proofs)  # what went wrong first is what a person must hear
            raise
    return Issued(Chain.parse(ended.fullchain_pem.encode(), account.directory), _clear(stage, proofs))


def find_suggestion(account: Account, chain: Chain) -> datetime | None:
    """When its authority would have it renewed (RFC 9773); None where that knows no such thing, or does not say so
    now: then a certificate's own life decides."""
    try:
        patience = Patience()
        with explain(account.directory, patience):
            suggested, _ = connect(account, patience).renewal_time(chain.render())
    except (CertificateError, errors.ARIError):
        return None
    return suggested.astimezone(UTC) if suggested is not None else None


def _choose(
    server: client.ClientV2, begun: messages.OrderResource, kind: Kind, where: str
) -> list[tuple[Proof, messages.ChallengeBody]]:
    """A challenge for every name that is not proven yet, by an order before."""
    chosen = []
    for one in begun.authorizations:
        if one.body.status == messages.STATUS_VALID:
            continue
        name = str(one.body.identifier.value)
        fitting = (challenge for challenge in one.body.challenges if challenge.chall.typ == kind)
        challenge = next(fitting, None)
        if challenge is None:
            offered = ", ".join(_list_kinds(one.body.challenges))
            message = f"the authority takes no proof of {name} by {kind}"
            raise CertificateError(message, where=where, hint=f"it takes: {offered}; see `by` of the certificate")
        chosen.append((_describe(name, challenge.chall, server), challenge))
    return chosen


def _list_kinds(offered: Iterable[messages.ChallengeBody]) -> list[str]:
    return sorted({str(challenge.chall.typ) for challenge in offered})


def _describe(name: str, challenge: challenges.Challenge, server: client.ClientV2) -> Proof:
    if isinstance(challenge, challenges.HTTP01):
        return Proof(name, str(challenge.encode("token")), challenge.validation(server.net.key))
    if isinstance(challenge, challenges.DNS01):
        return Proof(name, challenge.validation_domain_name(name), challenge.validation(server.net.key))
    raise CertificateError(f"{name} cannot be proven by {challenge.typ}")


def _clear(stage: Stage, proofs: list[Proof]) -> str:
    """What could not be taken away; a proof that stays harms nobody, and an order that succeeded must not fail."""
    try:
        stage.clear(proofs)
    except CertificateError as error:
        return str(error)
    return ""
