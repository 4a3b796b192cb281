"""Write docs/reference/doorbell.md from the tables that the door answers by (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from homeprod.control.upkeep import knocks
from homeprod.core.overview.snapshot import MOST_BYTES as MOST_OF_SNAPSHOT
from homeprod.core.refusal import Refusal
from homeprod.core.webhook import MOST_BYTES, TOLERANCE
from homeprod.web import body, limit, push, ring, signature, stream
from homeprod.web.access import Limits
from homeprod.web.door import Patience
from homeprod.web.page import tokens
from homeprod.web.page.answer import COOKIE

PAGE = Path(__file__).parents[1] / "reference" / "doorbell.md"
HEADING = f"""\
# The doorbell

Made by `make docs` from the tables that the door answers by (`src/homeprod/core/refusal.py` and its neighbours).

A control node answers HTTPS (TLS 1.2 or later) with its own certificate, which `apply` reads through the guest agent
and pins; no other is believed. Bodies are JSON. How to ring without homeprod is told
[apart](../how-to/ring-from-anything.md).

## Signatures

As [Standard Webhooks](https://www.standardwebhooks.com) has them, with ed25519 (`v1a`), so that the node stores no
shared secret. Each of these headers stands there once:

| header | value |
|---|---|
| `webhook-id` | `msg_` and 16 to 64 letters and digits; the same when a message is sent again |
| `webhook-timestamp` | seconds since 1970, of this attempt; at most {TOLERANCE} s off, either way |
| `webhook-signature` | `v1a,` and the signature in base64; of several, separated by spaces, the first \
{signature.MOST_SIGNATURES} are tried |

What is signed is `ID.TIMESTAMP.` and the body's bytes as they are sent. For every call other than the ring
`METHOD PATH SITE_ID/NODE`, a line feed and the body stand in the body's place (the path with its query, as it is
sent), so that a signature fits that call alone, and at that node alone. An id begins with `msg_` so that nothing that
is signed here can be taken for an SSH login or a signed commit.

The known keys are those of the site as it was rendered last. Which of them signed is written down with the run. A
ring is idempotent by its id: sent again it is the same run. Every other call counts once.

## `POST {ring.PATH}`

    {{"host": "lab-proxy", "instance": "4001020-5d41402a", "ssh_host_keys": ["ssh-ed25519 AAAA…"]}}

Exactly these three: the host's name in the inventory, a text of at most 128 letters, digits, `.`, `_` and `-` that
changes when the machine is made again, and up to {ring.MOST_KEYS} ed25519 host keys (none: the known ones stay).
Nothing in it changes the host's address or variables.

| answer | when |
|---|---|
| 202 and `{{"run": 12, "is_new": true}}` | \
it is on the disk, and will be run; if not `is_new`, as one that waits already |
"""
RING_END = Refusal.STORAGE


def render_page() -> str:
    refusals = list(Refusal)
    end = refusals.index(RING_END) + 1
    return "\n".join(
        [
            HEADING,
            _ORDER,
            *_list_refusals(refusals[:end]),
            _CALLS,
            *_list_refusals(refusals[end:]),
            _LIMITS,
        ]
    )


def _list_refusals(refusals: list[Refusal]) -> Iterator[str]:
    yield "| code | `error` | when |"
    yield "|---|---|---|"
    yield from (f"| {refusal.status} | `{refusal.word}` | {refusal.meaning} |" for refusal in refusals)
    yield ""


_ORDER = """\
It is checked in this order, and refused by the first that applies, as `{"error": …}`. More than that word is told
only to those whose signature was good.
"""
_CALLS = f"""\
`Retry-After` is {ring.LOCKED_SECONDS} s while New or Locked, {ring.STORAGE_SECONDS} s with a full disk, \
{ring.LOOKING_SECONDS} s while a newer inventory is
fetched. Repeating a ring with the same id is right after 408, 429, 503 and a broken connection, and of no use after
anything else until a person did something.

## `POST {push.PATH}`

For the push hook of a git host: it says that something was pushed. Nobody has to sign it, and what it says is not
read. It is answered at once, in every state of the node, with 202 and `{{"heard": true}}`; an address that knocks too
often, with 429. While the node is Ready the repositories are fetched then, by the same rules as ever. However many
knock, that is done {knocks.BURST} times in a row, {knocks.PAUSE:.0f} s apart, and then once in \
{1 / knocks.PER_SECOND:.0f} s; the last knock is answered by a later fetch, with all
before it. Only a head that is new, and signed, has hosts asked.

## Other calls

| call | what it gives |
|---|---|
| `GET /status` | the state, since when, how many hosts wait, differ, are late or have apps that need a person, \
runs by result, what is waited for (`vault repository`)\
 and since when, what to do next; needs no signature |
| `GET /metrics` | the same counts for Prometheus, and answers by code; needs no signature |
| `GET /api/status` | what `/status` says, and `problems`: why it is waited for, a line each |
| `GET /api/hosts`, `GET /api/hosts/NAME` | hosts as they are wanted, attempted and applied, how many tasks \
differ, and what they say of their apps (`apps`, null where there are none; `apps_looked` is when the host had \
looked, `apps_seen` when the node heard it); keys by fingerprint |
| `GET /api/drift`, `GET /api/drift/NAME` | what checks found of hosts, task by task with its difference, and what \
comes next |
| `GET /api/promotion` | of each environment with a [gate](../how-to/promote.md): the newest believed head, what was \
admitted last, what is held and why, what was rolled back, emergencies, and how far hosts have followed |
| `GET /api/runs?limit=50&host=NAME&kind=check`, `GET /api/runs/ID` | runs, the newest first; of every kind, or of \
`configure`, `check` or `renewal` |
| `GET /api/runs/ID/events?after=0` | its events as they come (server-sent events, each an `id` and a line of JSON), \
`event: end` with the run last; a comment every {stream.ALIVE_SECONDS:.0f} s |
| `POST /api/snapshot` | what was seen of the site's machines in Proxmox, at most {MOST_OF_SNAPSHOT:,} bytes, in \
every state; it takes the place of the one before, is kept as the word of whoever signed, and is for the page alone |
| `POST /api/links` `{{}}` | the path of a link to the page, \
`{{"path": "/login?token=…", "person": …, "seconds": 300}}`: it lets one browser in, once |
| `POST /api/hosts/NAME/retry` | a run now; 202 and its number |
| `POST /api/hosts/NAME/check` | the host is asked now what a run would change there; 202, and what it says is in \
`/api/drift/NAME` |
| `POST /api/runs/ID/cancel` | its end is asked for; 202 and the run as it was |
| `POST /api/hosts/NAME/trust` `{{"fingerprints": ["SHA256:…"]}}` | an administrator's key alone: the held keys, \
which must be these, are the host's from now on; 202 and a run |
| `POST /api/hosts/NAME/forget` | an administrator's key alone, in every state: the host's keys and wishes are gone, \
a queued run is canceled; the host as it was |

All but the first two need the same signature. `retry`, `check` and `trust` are refused unless the node is Ready.
Beyond the codes above:
"""
_PATIENCE, _RATES = Patience(), Limits()
_LIMITS = f"""\
## The page

For browsers, by `GET` alone; [how to open it](../how-to/page.md). Answers carry `Content-Security-Policy: default-src
'none'` with style and pictures of the door's own and nothing else, `Cache-Control: no-store`, `Referrer-Policy:
no-referrer`, `X-Content-Type-Options: nosniff`, and may stand in nobody's frame. There is no script.

| path | what it gives |
|---|---|
| `/login?token=TOKEN` | 303 to `/` with a session's cookie, where the link is at most {tokens.LINK_SECONDS:.0f} s \
old, was not used, and the node's state is the one in which it was made; else 403. Refused, and not used up, where a \
browser says that it looks ahead (`Sec-Purpose`), or comes from another page (`Sec-Fetch-Site`) |
| `/` | the page, to a session; to anybody else 403 and one sentence |
| `/pictures/NAME.svg` | to a session: the site's pictures at the verified head |
| `/page.css` | its style, to everybody |

The cookie is `{COOKIE}`: `Secure`, `HttpOnly`, `SameSite=Strict`, of this host alone, for
{tokens.SESSION_SECONDS / 3600:.0f} hours. Links and sessions are in memory alone, by their digests, at most
{tokens.MOST_OF_PERSON} of a person; they end with the daemon, with the node's state, and with the person's keys. A
look counts among the calls that a person signs, one without a session among those without a signature.

## Limits

| what | how much |
|---|---|
| a body (but a snapshot's) | {MOST_BYTES:,} bytes, within {body.SECONDS:.0f} s |
| the beginning of TLS; a request's headers | {_PATIENCE.handshake:.0f} s; {_PATIENCE.headers:.0f} s, which is also \
how long an idle connection is kept |
| connections | {_PATIENCE.connections}, of one address {_PATIENCE.of_address} |
| calls signed by one person | {_RATES.signer.burst} at once, then {_RATES.signer.per_second} a second |
| refused signatures of one address (IPv6: one /64) | {_RATES.address.burst} at once, then \
{_RATES.address.per_second} a second |
| calls without a signature of one address | {_RATES.public.burst} at once, then {_RATES.public.per_second} a second |
| knocks of one address | {_RATES.push.burst} at once, then one in {1 / _RATES.push.per_second:.0f} s |
| addresses and people that are remembered | {limit.MOST_CALLERS:,} each |
| runs followed at once | {stream.MOST}, by one person {stream.MOST_OF_PERSON}; who takes nothing for \
{stream.WRITE_SECONDS:.0f} s is left |
"""


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
