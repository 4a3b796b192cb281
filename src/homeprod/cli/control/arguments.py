"""What can be typed after ``homeprod control``. Imports nothing, so that ``--help`` stays quick."""

from __future__ import annotations

import argparse

GROUPS = {
    "where you apply from": {
        "status": "which state it is in, since when, who waits, what to do next",
        "hosts": "every host that it knows, and what it waits for",
        "page": "print a link to its page, which opens once, for you",
        "retry": "configure a host once more",
        "check": "ask a host now what a run would change there",
        "trust": "say that a host's new SSH host key is right",
        "forget": "say that a host is no more: nobody waits for it then",
        "publish": "write its public keys into the site, so that machines let it in",
        "bundle": "write the CD that it is installed from to a file, for a machine without a package index",
    },
    "on the node, at a terminal": {
        "bootstrap": "on the node: make its keyring, or take over the one on its disk",
        "unlock": "on the node: open the keyring with your passphrase; it is Ready then",
        "lock": "on the node: forget every secret; it is Locked then",
        "upgrade": "on the node: take the version of homeprod that is on its CD; it is Locked then",
    },
    "on the node, its secrets and who may open them": {
        "secret": "on the node: encrypt a value for the vault repository, rotate secrets",
        "authority": "on the node: the site's own authority, for names that are not public",
        "admin": "on the node: who may unlock it, and their passphrases",
        "recover": "on the node: a new passphrase for you, with the recovery identity from its paper",
        "back-up": "on the node: the keyring as one file, sealed as it is",
        "restore": "on the node: put a back-up of the keyring in its place",
    },
    "on the node, not for people": {
        "serve": "on the node: the daemon itself; systemd runs it",
        "install": "on the node: make this machine a control node; cloud-init runs it",
    },
}
"""Verbs by where they are typed, and what for."""
COMMANDS = {verb: purpose for verbs in GROUPS.values() for verb, purpose in verbs.items()}
_PLACE = "on the node: "
"""Said by a verb's own help; in the list its group's heading says it."""
_MORE = {
    "bootstrap": "Prints what must be published, and once the recovery identity, which belongs on paper.",
    "unlock": "The passphrase is typed on the terminal: it is no argument, no variable and no file.",
    "install": "What cloud-init runs from the second CD; `upgrade` runs it again.",
    "bundle": "`apply` takes the file that HOMEPROD_BUNDLE names. It has to be made by the same version of homeprod.",
    "restore": "The node must be New or Locked. A damaged back-up is refused, and one older than what is there.",
}
SECRET = {
    "encrypt": "read a value from the terminal, or from standard input, and print it as vault text",
    "rekey": "read a file of the vault repository from standard input, and print it with the next vault password",
    "rotate": "make the successor of a secret, and put it in its place once it is where it is needed",
    "add": "make the keys of an environment that the site has got since",
}
AUTHORITY = {
    "make": "make an environment's authority, for names below the zones alone, and print its root for the clients",
    "show": "print the root of an environment's authority, as PEM",
}
ADMIN = {
    "list": "who may unlock",
    "add": "let another person unlock, with a passphrase that they type here",
    "remove": "let a person unlock no more, and say what they could have read",
    "passphrase": "change yours",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    made = _nest(parser, "control_command", "COMMAND", COMMANDS)
    _head_groups(parser)
    for name in ("bootstrap", "unlock", "lock", "recover", "back-up", "restore"):
        _add_node(made[name])
    made["back-up"].add_argument("file", metavar="FILE", help="must not be there yet")
    made["restore"].add_argument("file", metavar="FILE")
    made["restore"].add_argument("--force", action="store_true", help="also an older one than what is there")
    made["bundle"].add_argument("--to", metavar="FILE", required=True, help="the ISO; takes its place")
    made["serve"].add_argument(
        "--places", metavar="FILE", default="", help="where things are (default: a control node's)"
    )
    made["install"].add_argument(
        "--settings", metavar="FILE", default="", help="the node's (default: from cloud-init)"
    )
    for name in ("status", "hosts", "page"):
        made[name].add_argument("node", metavar="NODE", nargs="?", default="", help="default: the one that runs")
        made[name].add_argument("--json", action="store_true", help="for machines")
    for name in ("retry", "check", "trust", "forget"):
        made[name].add_argument("host", metavar="HOST")
        made[name].add_argument("--node", metavar="NODE", default="", help="default: the one that runs")
    for name in ("trust", "forget"):
        made[name].add_argument("--yes", action="store_true", help="do not ask")
    made["publish"].add_argument("node", metavar="NODE", nargs="?", default="", help="default: the one that runs")
    made["publish"].add_argument("--yes", action="store_true", help="do not ask for the fingerprints")
    _add_secret(made["secret"])
    _add_authority(made["authority"])
    _add_admin(made["admin"])


def _head_groups(parser: argparse.ArgumentParser) -> None:
    """Give the first verb of each group the heading that the formatter puts above it."""
    headings = {next(iter(verbs)): heading for heading, verbs in GROUPS.items()}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for shown in action._choices_actions:
                if shown.dest in headings:
                    shown.heading = headings[shown.dest]  # type: ignore[attr-defined]  # ours, beside argparse's own


def _nest(
    parser: argparse.ArgumentParser, dest: str, metavar: str, verbs: dict[str, str]
) -> dict[str, argparse.ArgumentParser]:
    nested = parser.add_subparsers(dest=dest, metavar=metavar, required=True, parser_class=type(parser))
    return {
        name: nested.add_parser(
            name,
            help=purpose.removeprefix(_PLACE),
            description=purpose,
            epilog=f"{_MORE[name]}\n" if name in _MORE else None,
            formatter_class=parser.formatter_class,
        )
        for name, purpose in verbs.items()
    }


def _add_node(parser: argparse.ArgumentParser) -> None:
    """Of what is done on the node itself."""
    parser.add_argument("--administrator", metavar="NAME", default="", help="for root: whose passphrase it is")
    parser.add_argument("--places", metavar="FILE", default="", help="where things are (default: a control node's)")


def _add_secret(parser: argparse.ArgumentParser) -> None:
    verbs = _nest(parser, "verb", "VERB", SECRET)
    for verb in verbs.values():
        _add_node(verb)
    for name in ("encrypt", "rekey", "add"):
        verbs[name].add_argument("environment", metavar="ENVIRONMENT", help="lab, say")
    verbs["encrypt"].add_argument("--name", metavar="NAME", default="", help="print it as the YAML variable NAME")
    verbs["rotate"].add_argument(
        "what",
        metavar="SECRET",
        help="ENVIRONMENT/ssh-key, ENVIRONMENT/vault-password, deploy/playbooks, deploy/vault,"
        " all of them (all), or recovery",
    )
    steps = verbs["rotate"].add_mutually_exclusive_group()
    for step, purpose in (("finish", "the successor takes its place"), ("drop", "the successor is forgotten")):
        steps.add_argument(f"--{step}", dest="step", action="store_const", const=step, default="begin", help=purpose)
    verbs["rotate"].add_argument("--yes", action="store_true", help="do not ask before an SSH key takes its place")


def _add_authority(parser: argparse.ArgumentParser) -> None:
    verbs = _nest(parser, "verb", "VERB", AUTHORITY)
    for verb in verbs.values():
        _add_node(verb)
        verb.add_argument("environment", metavar="ENVIRONMENT", help="lab, say")
    verbs["make"].add_argument("zones", metavar="ZONE", nargs="+", help="that no public name lies in: home.arpa, say")
    verbs["make"].add_argument("--yes", action="store_true", help="do not ask before one takes another's place")


def _add_admin(parser: argparse.ArgumentParser) -> None:
    verbs = _nest(parser, "verb", "VERB", ADMIN)
    for verb in verbs.values():
        _add_node(verb)
    for name in ("add", "remove"):
        verbs[name].add_argument("name", metavar="NAME", help="their Unix name on the node")
    verbs["add"].add_argument("--replace", action="store_true", help="in place of a passphrase that they have lost")
