"""The way in: who signs for its names, and a request from outside that goes all of it."""

from __future__ import annotations

import json
from ipaddress import ip_interface
from pathlib import Path

from demo.machine import ADMINISTRATOR, NODE
from demo.person import Person
from demo.stage import LAB, DemoError, Stage, tell

from homeprod.lab.folder import find_folder

NAME = "demo.lab.pegasuspad.com"
ZONES = {"lab": ("lab.pegasuspad.com", "hello.pegasuspad.com"), "prod": ("pegasuspad.com",)}
"""For which the environments' own authorities sign."""


def make_authorities(stage: Stage) -> None:
    """Where an earlier run has not. Their roots are what clients install."""
    person = Person(stage, find_folder(LAB).keys)
    for environment, zones in ZONES.items():
        file = find_root(stage, environment)
        if not file.exists():
            person.make_authority(environment, *zones)
            file.write_text(stage.run_in(NODE, ADMINISTRATOR, f"homeprod control authority show {environment}"))


def find_root(stage: Stage, environment: str) -> Path:
    return stage.site.parent / f"{environment}-root.pem"


def ask_for_the_service(stage: Stage) -> None:
    """By the gateway's address outside. Raises DemoError where the service does not see who asked."""
    open_gateway(stage)
    stage.homeprod("route", "explain", f"https://{NAME}/")
    gateway, client = find_ends()
    told = stage.ask_from_outside(
        f"https://{NAME}/", "--cacert", str(find_root(stage, "lab")), "--resolve", f"{NAME}:443:{gateway}"
    )
    seen = json.loads(told)
    if seen["service"] != "demo" or seen["client"] != client:
        raise DemoError(f"the service saw {told.strip()}, and {client} asked")
    tell(f"the service saw the client's own address, {client}")


def open_gateway(stage: Stage) -> None:
    """By the rules that the site's entry needs."""
    stage.lab("gateway", LAB, "--entry")


def find_ends() -> tuple[str, str]:
    """The addresses of the lab's gateway, outside, and of the client there."""
    wan = find_folder(LAB).read_spec().wan
    gateway, client = (str(ip_interface(texts[0]).ip) for texts in (wan.gateways, wan.clients))
    return gateway, client
