"""What ``homeprod init`` writes and a person has to replace: told as notes, since such a site is not wrong."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.diagnostic import Diagnostic
from homeprod.site.configured import find_control
from homeprod.site.declared import Declared, source_of
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

ENDPOINT = "https://proxmox.invalid:8006"
SUBNET = "192.0.2.0/24"
IMAGES = "https://images.invalid/"
GIT_HOST = "git.example"
"""Of docs/how-to/control-node.md, whose files a person copies."""
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def find_examples(site: Site) -> list[Diagnostic]:
    """The values of the example that the site still holds, by file and line."""
    return sorted({*_find_places(site), *_find_things(site), *_find_repositories(site)})


def _find_places(site: Site) -> Iterator[Diagnostic]:
    cluster, network = site.config.cluster, site.config.addresses.network
    if ENDPOINT in cluster.endpoints:
        yield _note(site, cluster, "endpoint", "the endpoint is the example's", "write your Proxmox VE's address")
    if str(network.subnet) == SUBNET:
        yield _note(site, network, "subnet", "the subnet is the example's", "write your LAN's, and its gateway")


def _find_things(site: Site) -> Iterator[Diagnostic]:
    for declared in site.machines.values():
        machine = declared.machine
        if not isinstance(machine, VirtualMachine):
            continue
        if machine.image.url.startswith(IMAGES):
            hint = "write the address of a real one (the lab puts a stand-in there)"
            yield _note(site, machine.image, "url", "the image is the example's", hint)
        if not machine.image.checksum.strip("0"):
            hint = "write that of the image: SHA256SUMS or SHA512SUMS lies beside it"
            yield _note(site, machine.image, "checksum", "the checksum is the example's", hint)
        for person in machine.people:
            if any(KEY in key for key in person.keys):
                hint = "write the line of your ~/.ssh/id_ed25519.pub: with this key nobody can log in"
                yield _note(site, person, "keys", f"the public key of {person.name} is the example's", hint)


def _find_repositories(site: Site) -> Iterator[Diagnostic]:
    """They stand in ``_control.py``; the note is about the control node that has them."""
    for declared in site.machines.values():
        control = find_control(declared.machine)
        if control is None:
            continue
        for name, url in (("playbooks", control.playbooks), ("vault", control.vault)):
            if f"@{GIT_HOST}/" in url:
                hint = f"write your git host's address of it, where {name} is said (modules/_control.py)"
                yield _note(site, control, name, f"the address of the repository {name} is the example's", hint)
        if any(KEY in line for line in control.git_host_keys):
            hint = "write your git host's, compared with what it publishes:\n\n  ssh-keyscan -t ed25519 HOST"
            yield _note(site, control, "git_host_keys", "the git host's key is the example's", hint)


def _note(site: Site, declared: Declared, keyword: str, message: str, hint: str) -> Diagnostic:
    source = source_of(declared)
    if source is None:
        return Diagnostic("modules", 1, message, hint)
    return Diagnostic(str(source.file.relative_to(site.root)), source.line_of(keyword), message, hint)
