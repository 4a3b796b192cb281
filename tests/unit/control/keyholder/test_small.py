"""Patience, the public record and the roster: small rules."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from tests.keyholder_node import make_settings

from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.keyholder.roster import read_roster
from homeprod.control.keyholder.sealed.patience import LONGEST, WAITING, Patience
from homeprod.control.keyholder.sealed.public import make_record, read_record, write_record
from homeprod.control.settings import parse_settings
from homeprod.core.errors import ControlError
from homeprod.core.fingerprint import find_fingerprint


def test_each_wrong_passphrase_costs_twice_as_much_up_to_a_limit_until_a_right_one() -> None:
    patience = Patience()
    assert [patience.lose("sean") for _ in range(7)] == [1, 2, 4, 8, 16, LONGEST, LONGEST]
    assert patience.lose("anna") == 1
    patience.forgive("sean")
    assert patience.lose("sean") == 1
    assert [patience.lose("bob") for _ in range(2000)][-1] == LONGEST


def test_tries_of_one_person_come_one_after_the_other_and_no_more_than_some_wait() -> None:
    async def crowd() -> tuple[int, int]:
        patience, inside, most = Patience(), 0, 0

        async def try_once() -> None:
            nonlocal inside, most
            async with patience.take_turn("sean"):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        results = await asyncio.gather(*(try_once() for _ in range(WAITING + 3)), return_exceptions=True)
        async with patience.take_turn("sean"), patience.take_turn("anna"):
            return most, sum(isinstance(one, KeyholderError) for one in results)

    assert asyncio.run(crowd()) == (1, 3)


def test_a_fingerprint_is_what_ssh_keygen_prints(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True, timeout=60)
    said = subprocess.run(["ssh-keygen", "-lf", str(file)], capture_output=True, text=True, check=True, timeout=60)
    assert find_fingerprint(file.with_suffix(".pub").read_text()) == said.stdout.split()[1]


def test_the_public_record_is_for_everybody_and_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "public.json"
    record = make_record("lab-ansible", {"ansible-lab": "ssh-ed25519 AAAA x", "deploy-vault": "ssh-ed25519 AAAB y"})
    assert (record["environments"], record["deploy"]) == (
        {"lab": "ssh-ed25519 AAAA x"},
        {"vault": "ssh-ed25519 AAAB y"},
    )
    write_record(file, record)
    assert (read_record(file), file.stat().st_mode & 0o777) == (record, 0o644)
    inode = file.stat().st_ino
    write_record(file, record)
    assert file.stat().st_ino == inode
    file.write_text("{")
    assert read_record(file) == {}
    write_record(file, record)
    assert [one.name for one in tmp_path.iterdir()] == ["public.json"]


def test_the_roster_reads_what_the_settings_format_says(tmp_path: Path) -> None:
    file = tmp_path / "control.json"
    file.write_text(json.dumps(make_settings()))
    roster, settings = read_roster(file), parse_settings(file.read_text(), "")
    assert roster.node == settings.node
    assert roster.environments == {one.name: one.user for one in settings.environments}
    assert roster.administrators == settings.administrators


@pytest.mark.parametrize("name", ["deploy", "", "../lab", ".lab"])
def test_an_environment_whose_name_would_be_another_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "control.json"
    file.write_text(json.dumps(make_settings(environments=[{"name": name, "user": "x"}])))
    with pytest.raises(ControlError, match="not as homeprod writes them"):
        read_roster(file)
