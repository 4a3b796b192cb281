"""Needs and allowances: what reaches beyond an app's own box is refused, unless a line of the host's
``allowances.yml`` says that it is meant.

    wiki:
      - host network
      - mount /etc/ssl/private
      - capability NET_ADMIN
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from homeprod.apps.document import Listing, Scalar, Table, read_document
from homeprod.apps.host import ALLOWANCES, Host
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.likeness import suggest
from homeprod.core.tree import Tree

WORDS = {
    "privileged": "all that root may do on the host",
    "docker socket": "whoever has docker's socket is root on the host",
    "host network": "the host's own network, its loopback services too",
    "host pid": "the host's processes are seen, and can be ended",
    "host ipc": "the host's shared memory",
    "host users": "root in the container is root on the host, even where docker maps users",
    "host uts": "the host's name",
    "host cgroup": "the host's control groups",
    "unconfined": "what keeps the container's programs from the kernel's rarer calls is off",
    "program": "compose starts a program of the host",
}
"""Exact ones, with what each means."""
OPEN = {
    "mount": "a folder or file of the host's own",
    "device": "a device of the host",
    "capability": "a part of what root may do",
    "shared storage": "storage that another host's app writes to as well",
    "shared volume": "a volume of docker's that another app of the host has as well",
    "branch": "a branch whose name looks like a tag's",
    "not a secret": "a file in which something looks like a secret",
}
"""Those that name what they allow, behind them."""


@dataclass(frozen=True, slots=True)
class Need:
    """What an app asks for. ``word`` is the line that allows it; ``advice`` goes before that."""

    app: str
    word: str
    place: Place
    message: str
    advice: str = ""


Allowances = dict[tuple[str, str], Place]
"""By app and word."""


def read_allowances(tree: Tree, host: Host, sheet: Sheet) -> Allowances:
    path = f"{host.folder}/{ALLOWANCES}"
    file = tree.get(path)
    document = read_document(file.content, path, sheet) if file is not None and file.content is not None else None
    if document is None or (isinstance(document, Scalar) and document.value is None):
        return {}
    if not isinstance(document, Table):
        sheet.refuse(document.place, "names of apps are expected, each with a list of allowances", _SHOWN)
        return {}
    found: Allowances = {}
    for app, value in document:
        if host.get(app) is None:
            meant = suggest(app, (one.name for one in host.apps))
            sheet.refuse(document.find(app), f"{host.name} has no app {app!r}", meant or "take its lines away")
        if not isinstance(value, Listing):
            sheet.refuse(value.place, f"{app}: a list is expected", _SHOWN)
            continue
        for item in value.items:
            word = item.text if isinstance(item, Scalar) else ""
            if problem := _judge(word):
                sheet.refuse(item.place, f"{app}: there is no allowance {word[:60]!r}", problem)
            else:
                found[app, word] = item.place
    return found


def settle(needs: list[Need], allowances: Allowances, host: Host, sheet: Sheet) -> None:
    """Refuse what nothing allows, and tell what is allowed without being needed."""
    for need in needs:
        if (need.app, need.word) not in allowances:
            said = f"say so in {host.folder}/{ALLOWANCES}:\n\n  {need.app}:\n    - {need.word}"
            hint = f"{need.advice or 'if it is meant,'} {said}"
            sheet.refuse(need.place, need.message, hint)
    needed = {(need.app, need.word) for need in needs}
    for (app, word), place in allowances.items():
        if (app, word) not in needed and host.get(app) is not None:
            sheet.note(place, f"{app} does not need this any more: {word}", "take the line away")


def _judge(word: str) -> str:
    """What to do about a word that is none; empty for one that is."""
    if word in WORDS or any(re.fullmatch(rf"{name} \S.*", word) for name in OPEN):
        return ""
    if word in OPEN:
        return f"say which: {OPEN[word]}"
    return suggest(word, [*WORDS, *OPEN]) or f"there are: {', '.join([*WORDS, *(f'{name} …' for name in OPEN)])}"


_SHOWN = "write:\n\n  APP:\n    - host network"
