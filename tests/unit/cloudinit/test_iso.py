"""The NoCloud ISO and its files."""

from __future__ import annotations

import dataclasses
import hashlib
from io import BytesIO

import pycdlib
import yaml

from homeprod.cloudinit.datadisk import BOOT_SCRIPT
from homeprod.cloudinit.iso import FORMAT, build_iso, name_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import DataMount, Guest, User

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA you"
GUEST = Guest("files", "vm/files-1a2b3c", "home.example", (User("you", (KEY,)),), mounts=(DataMount("docs", "/srv"),))
CARD = Card("BC:24:11:00:00:01", ("192.0.2.21/24", "2001:db8::21/64"), ("192.0.2.1",), ("192.0.2.2",), "home.example")


def test_the_iso_holds_the_files_under_their_own_names() -> None:
    files = render_files(GUEST, CARD)
    iso = pycdlib.PyCdlib()
    iso.open_fp(BytesIO(build_iso(files)))
    assert iso.pvd.volume_identifier.decode().strip() == "cidata"
    for name, data in files.items():
        read = BytesIO()
        iso.get_file_from_iso_fp(read, joliet_path=f"/{name}")
        assert read.getvalue() == data
    iso.close()


def test_nothing_ever_formats_a_data_disk_by_cloud_init() -> None:
    data = yaml.safe_load(render_files(GUEST, CARD)["user-data"])
    assert not {"fs_setup", "disk_setup"} & set(data)
    # At every boot, and one command: of several, cloud-init would notice the last one's failure only.
    ((shell, flag, script, name, *pairs),) = data["bootcmd"]
    assert (shell, flag, script, name) == ("sh", "-c", BOOT_SCRIPT, "homeprod-data-disks")
    assert pairs == ["docs", "/srv"]


def test_a_machine_without_data_disks_runs_no_script() -> None:
    bare = dataclasses.replace(GUEST, mounts=())
    assert "bootcmd" not in yaml.safe_load(render_files(bare, CARD)["user-data"])


def test_network_config_names_the_card_by_its_mac() -> None:
    card = yaml.safe_load(render_files(GUEST, CARD)["network-config"])["ethernets"]["eth0"]
    assert card["match"] == {"macaddress": "bc:24:11:00:00:01"}
    assert card["addresses"] == ["192.0.2.21/24", "2001:db8::21/64"]


def test_each_family_has_its_own_default_route() -> None:
    card = dataclasses.replace(CARD, gateways=("192.0.2.1", "2001:db8::1"))
    routes = yaml.safe_load(render_files(GUEST, card)["network-config"])["ethernets"]["eth0"]["routes"]
    assert routes == [{"to": "0.0.0.0/0", "via": "192.0.2.1"}, {"to": "::/0", "via": "2001:db8::1"}]


def test_without_addresses_the_card_asks_by_dhcp_under_its_mac() -> None:
    card = yaml.safe_load(render_files(GUEST, Card("BC:24:11:00:00:01"))["network-config"])["ethernets"]["eth0"]
    assert (card["dhcp4"], card["dhcp-identifier"]) == (True, "mac")
    assert not {"addresses", "routes", "nameservers"} & set(card)


def test_the_name_follows_the_content_and_nothing_else() -> None:
    one = name_iso("1" * 36, GUEST, CARD)
    assert one == name_iso("1" * 36, GUEST, CARD)
    other = dataclasses.replace(GUEST, packages=("nginx",))
    assert one != name_iso("1" * 36, other, CARD)
    assert one.startswith("homeprod-11111111-files-")


def test_files_that_come_out_otherwise_have_another_format() -> None:
    """An ISO's name is made from values alone, so a change of how they are written must count FORMAT up: then
    change both here."""
    cards = (CARD, Card("BC:24:11:00:00:01"))
    files = [data for card in cards for _, data in sorted(render_files(GUEST, card).items())]
    digest = hashlib.sha256(b"\0".join(files)).hexdigest()
    assert (FORMAT, digest[:16]) == (1, "034088fab38d54b6")
