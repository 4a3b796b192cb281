"""``homeprod control publish``: write the control node's public keys into the site.

They are read through the guest agent, so from the very machine that Proxmox runs, and a person compares them with
what bootstrap, or a rotation, printed.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.question import ask
from homeprod.control.places import Places
from homeprod.core.errors import ControlError, HomeprodError
from homeprod.core.fingerprint import find_fingerprint
from homeprod.drivers.doorwords import tell
from homeprod.drivers.wholefile import write_whole
from homeprod.site.configured import KEYS_FOLDER, list_environments, name_key
from homeprod.site.loader import find_root, load_site
from homeprod.site.people import NODE_KEY
from homeprod.site.site import Site
from homeprod.wiring.controlnode import choose_node, read_node_file

PUBLIC_FILE = str(Places().public_file)


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    node = choose_node(site, options.node)
    with closing(connect(site, options)) as cluster:
        text = read_node_file(site, cluster, node, PUBLIC_FILE)
    if text is None:
        hint = f"bootstrap it first, on a terminal:\n\n  ssh -t {node} bootstrap"
        raise ControlError("it has no keys yet", where=f"vm/{node}", hint=hint)
    public = _parse(text, node)
    files = {
        f"{name_key(one)}.pub": public["environments"].get(one.name, "") for one in list_environments(site, node)
    }
    missing = sorted(file for file, key in files.items() if not NODE_KEY.fullmatch(key))
    if missing:
        names = [file.removeprefix(f"{node}-").removesuffix(".pub") for file in missing]
        commands = "\n".join(f"  ssh -t {node} homeprod control secret add {name}" for name in names)
        hint = f"make them there, once it is unlocked:\n\n{commands}"
        raise ControlError(f"has no key for {', '.join(missing)}", where=f"vm/{node}", hint=hint)
    changed = {name: key for name, key in files.items() if _differs(site.root / KEYS_FOLDER / name, key)}
    _tell_deploy_keys(public)
    if not changed:
        render.print_line(f"the site has the keys of {node} already")
        return 0
    _confirm(site, public, changed, options)
    for name, key in changed.items():
        _write(site.root / KEYS_FOLDER / name, key)
        render.print_line(f"written  {KEYS_FOLDER}/{name}")
    render.say("commit them with the site, then make what waited, and tell what is there:\n\n  homeprod apply")
    return 0


def _parse(text: str, node: str) -> dict[str, dict[str, str]]:
    """With the fingerprints of these very keys: those that stand beside them prove nothing to who compares them."""
    try:
        public: dict[str, dict[str, str]] = json.loads(text)
        found = {group: dict(public[group]) for group in ("environments", "deploy")}
        fingerprints = {
            f"{prefix}-{name}": find_fingerprint(key)
            for group, prefix in (("environments", "ansible"), ("deploy", "deploy"))
            for name, key in found[group].items()
        }
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        hint = f"unlocking writes them anew, on a terminal:\n\n  ssh -t {node} unlock"
        raise ControlError("its public keys cannot be read", where=f"vm/{node}: {PUBLIC_FILE}", hint=hint) from error
    return {**found, "fingerprints": fingerprints}


def _differs(file: Path, key: str) -> bool:
    return not file.exists() or file.read_text(encoding="utf-8").strip() != key.strip()


def _write(file: Path, key: str) -> None:
    try:
        write_whole(file, f"{key.strip()}\n")
    except OSError as error:
        hint = "let whoever runs homeprod write into the site, and publish again"
        raise HomeprodError(f"cannot write the key: {error.strerror}", where=str(file), hint=hint) from error


def _confirm(
    site: Site, public: dict[str, dict[str, str]], changed: dict[str, str], options: argparse.Namespace
) -> None:
    """Raises DeclinedError."""
    for name in sorted(changed):
        is_there = (site.root / KEYS_FOLDER / name).exists()
        render.print_line(f"{'replaces' if is_there else 'new     '} {KEYS_FOLDER}/{name}")
    for name, fingerprint in sorted(public["fingerprints"].items()):
        render.print_line(f"  {name:<20} {fingerprint}")
    if not options.yes:
        ask("are these the fingerprints that the node printed on its terminal?", "yes")


def _tell_deploy_keys(public: dict[str, dict[str, str]]) -> None:
    """Where git asks for them, they are to be allowed to read."""
    for name, key in sorted(public["deploy"].items()):
        render.say(f"deploy key of the {name} repository (to read, never to write):\n  {tell(key)}")
