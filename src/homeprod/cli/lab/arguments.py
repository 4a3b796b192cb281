"""What can be typed after ``homeprod lab``. Imports nothing, so that ``--help`` stays quick."""

from __future__ import annotations

import argparse

COMMANDS = {
    "up": "bring a lab up: made new, brought back with its disks, or repaired",
    "down": "shut its machines down and leave nothing running; its disks stay",
    "status": "show a lab, or list all of them",
    "console": "the serial console of a machine on this terminal",
    "ssh": "log in to a machine, inside the lab's network",
    "gateway": "the rules of a lab's gateway: show them, or load a file of nftables",
    "outside": "run a command outside the lab's network, as a client in the internet would",
    "repository": "git repositories that the lab's gateway serves to its machines",
}
_MORE = {
    "up": "The site in reach says what the lab looks like; without one it has a node pve with local and local-lvm. "
    "A lab that boots machines needs root. Images that it must build or download are made behind it.",
    "console": "Ctrl-] ends it. What the machine said last is shown first.",
    "gateway": "As `homeprod render` writes them for a Linux gateway. A file that nft refuses changes nothing.",
    "outside": "The gateway's address out there is in `homeprod lab status NAME`.",
    "ssh": "Options come before the lab's name: everything after the machine's is the command.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="lab_command", metavar="COMMAND", required=True, parser_class=type(parser))
    made = {
        name: commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            epilog=f"{_MORE[name]}\n" if name in _MORE else None,
            formatter_class=parser.formatter_class,
        )
        for name, purpose in COMMANDS.items()
    }
    _add_repository(made.pop("repository"))
    for name, command in made.items():
        if name == "ssh":
            command.add_argument("--user", default="", help="default: one of the machine's own people")
            command.add_argument(
                "-t", "--tty", action="store_true", help="with a terminal, though there is a command"
            )
        if name == "status":
            command.add_argument("name", metavar="NAME", nargs="?", default="", help="a lab (default: all)")
        else:
            command.add_argument("name", metavar="NAME", help="the lab")
        if name in ("console", "ssh"):
            command.add_argument("machine", metavar="VM", help="a machine by its name or VMID")
    _add_gateway(made["gateway"])
    made["outside"].add_argument(
        "words", metavar="command", nargs=argparse.REMAINDER, help="curl, say (default: a shell)"
    )
    made["ssh"].add_argument("words", metavar="command", nargs=argparse.REMAINDER, help="default: a shell")
    made["status"].add_argument("--json", action="store_true", help="for machines")
    _add_up(made["up"])
    made["down"].add_argument("--disks", action="store_true", help="remove its disks too; cached images stay")
    made["down"].add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long a machine may take to power off (default: 60)"
    )


def _add_gateway(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("file", metavar="FILE", nargs="?", default="", help="as `nft -f` reads it; - is standard input")
    what.add_argument(
        "--entry", action="store_true", help="those of the site's entry, whatever its router at home is"
    )
    what.add_argument("--clear", action="store_true", help="no rules any more")


_VERBS = {
    "add": "a new repository, empty or with all that another one holds",
    "push": "bring a repository up to date from one on this machine",
    "authorize": "let a deploy key read a repository",
    "revoke": "let a deploy key read it no more",
    "hostkey": "print the server's host key, as a line of known_hosts",
    "list": "show the repositories",
}


def _add_repository(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=type(parser))
    for name, purpose in _VERBS.items():
        verb = verbs.add_parser(name, help=purpose, description=purpose, formatter_class=parser.formatter_class)
        verb.add_argument("name", metavar="NAME", help="the lab")
        if name not in ("hostkey", "list"):
            verb.add_argument("repository", metavar="REPOSITORY", help="such as pegasus-playbooks")
        if name in ("authorize", "revoke"):
            verb.add_argument("key", metavar="KEY", help="a file with a public key")
        if name in ("add", "push"):
            verb.add_argument(
                "--from",
                dest="source",
                default="",
                metavar="DIR",
                help="a repository's folder"
                + (" or URL (default: none)" if name == "add" else " (default: this one)"),
            )
        if name == "push":
            verb.add_argument(
                "--force", action="store_true", help="take branches that were rewound or rewritten, too"
            )


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--boot",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="boot machines (default), or with --no-boot answer the API only: they show as running",
    )
    parser.add_argument(
        "--images",
        choices=("stand-in", "pinned"),
        help="what machines are made from: a stand-in that the lab builds, or the site's own images, downloaded "
        "(default: as before, else stand-in)",
    )
    parser.add_argument("--port", type=_read_port, metavar="N", help="on 127.0.0.1 (default: a free one, kept)")
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait for the images (default); with --no-wait return once the API answers",
    )


def _read_port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


_read_port.__name__ = "port"
