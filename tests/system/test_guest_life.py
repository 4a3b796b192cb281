"""One machine's life, booted three times: made, changed and started cold, destroyed and made again.

The life is lived once for all tests of the file, and each looks at what was seen of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.booted_guest import ADDRESSES, BootedGuest, open_booted_guest
from tests.drivers.booted_lab import GATEWAY, GATEWAY6
from tests.guest_tree import script_writing
from tests.manifest import FileSystem, read_file_system

from homeprod.cloudinit.ending import Ending, EndingState
from homeprod.cloudinit.network import Card, render_network_config
from homeprod.cloudinit.userdata import DataMount, Guest, User
from homeprod.core.sizes import GiB
from homeprod.plan.config import Config, Drive, NewDrive

pytestmark = [pytest.mark.guest, pytest.mark.namespace, pytest.mark.slow, pytest.mark.timeout(1500)]

OWNER = 900
OTHER_MAC = "02:00:00:00:00:99"
SERIALS = {"docs": "/srv/docs", "ssh_keys": "/srv/keys"}
WRITE = script_writing(SERIALS["docs"]) + "echo key >/srv/keys/id && chmod 600 /srv/keys/id\n"
LOOK = """
say() { echo "== $1"; }
say host_key; cat /etc/ssh/ssh_host_*_key.pub
say mounts; for serial in docs ssh_keys; do
    device=$(readlink -f /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_$serial)
    echo "$serial $(findmnt -n -o TARGET --source $device)"
done
say users; getent passwd admin late || true
say units; systemctl --failed --no-legend --plain
say fstab; cat /etc/fstab
say names; hostname; hostname --fqdn
say apt; cat /var/log/apt/history.log /var/log/cloud-init-output.log 2>/dev/null || true
"""
LOOK_ONCE = """
echo == links; ip -j address show dev eth0
echo == routes; ip -j route
echo == routes6; ip -6 -j route
echo == dns; resolvectl --no-pager dns eth0; resolvectl --no-pager domain eth0
echo == schema; cloud-init schema --system 2>&1
cat >/tmp/dhcp.yaml <<'END'
{config}END
cd /tmp
for kind in networkd netplan; do
    cloud-init devel net-convert -p dhcp.yaml -k yaml -D debian -m eth0,{mac} -d out-$kind -O $kind >/dev/null
    echo "== $kind"; find out-$kind -type f -exec cat {{}} +
done
"""


@dataclass(frozen=True)
class Boot:
    """What one boot showed: how cloud-init ended, and what was looked at, by name."""

    ending: Ending
    shown: dict[str, str]


@dataclass(frozen=True)
class Life:
    boots: tuple[Boot, Boot, Boot]
    disks: tuple[dict[str, FileSystem], ...]
    """By serial, after each shutdown."""
    volumes: tuple[set[str], ...]
    """The data VM's, while its consumer is there, after its destruction, and at the end."""
    early_read: str | None
    absent_read: str | None
    hostname: str | None
    grown: tuple[int, int | None]
    """In the guest, and as Proxmox notes it."""


def _attach(volumes: dict[str, str], slots: dict[str, str]) -> dict[str, Drive]:
    return {slot: Drive(volumes[serial], options=(("serial", serial),)) for slot, serial in slots.items()}


def _make_data_machine(guest: BootedGuest) -> dict[str, str]:
    """Volumes by serial, of a machine that is never booted."""
    hypervisor, node = guest.target.hypervisor, guest.target.node
    drives: Config = {
        f"scsi{index}": NewDrive("local-lvm", (index + 1) * GiB, options=(("serial", serial),))
        for index, serial in enumerate(SERIALS)
    }
    guest.target.run(hypervisor.create_machine(node, OWNER, {"name": "life-data", "memory": 64, **drives}))
    config = hypervisor.read_machine(node, OWNER).config
    return {serial: _volume(config[f"scsi{index}"]) for index, serial in enumerate(SERIALS)}


def _volume(drive: object) -> str:
    assert isinstance(drive, Drive)
    return drive.volume


def _look(guest: BootedGuest, ending: Ending, more: str = "") -> Boot:
    parts = guest.ssh(LOOK + more).split("== ")[1:]
    return Boot(ending, {name: text for name, _, text in (part.partition("\n") for part in parts)})


def _read_disks(guest: BootedGuest, volumes: dict[str, str]) -> dict[str, FileSystem]:
    return {serial: read_file_system(guest.find_image(volume)) for serial, volume in volumes.items()}


def _list_owned(guest: BootedGuest) -> set[str]:
    return {volume for volume in guest.target.list_volumes("local-lvm") if f"vm-{OWNER}-" in volume}


def live(guest: BootedGuest) -> Life:
    mounts = tuple(DataMount(serial, path) for serial, path in SERIALS.items())
    first = Guest("life", "100-one", "home.example", (guest.user,), mounts=mounts)
    data = _make_data_machine(guest)
    disks, volumes, boots = [], [], []

    guest.create(first, _attach(data, {"scsi1": "docs", "scsi2": "ssh_keys"}))
    early = guest.read("/etc/hostname")
    dhcp = LOOK_ONCE.format(config=render_network_config(Card(OTHER_MAC)), mac=OTHER_MAC)
    boots.append(_look(guest, guest.boot(), dhcp + WRITE))
    absent, hostname = guest.read("/no/such/file"), guest.read("/etc/hostname")
    # A running machine's disk grows under it, and its user data is edited.
    guest.target.run(guest.target.hypervisor.grow_disk(guest.target.node, guest.vmid, "scsi2", 3 * GiB))
    grown = int(guest.ssh("blockdev --getsize64 /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_ssh_keys"))
    noted = guest.target.hypervisor.read_machine(guest.target.node, guest.vmid).config["scsi2"]
    assert isinstance(noted, Drive)
    edited = dataclasses.replace(first, users=(*first.users, User("late", first.users[0].keys)))
    guest.change({"ide2": guest.burn(edited)})
    guest.shut_down()
    disks.append(_read_disks(guest, data))

    # Cold, with the slots the other way round.
    guest.change(_attach(data, {"scsi1": "ssh_keys", "scsi2": "docs"}))
    boots.append(_look(guest, guest.boot()))
    guest.shut_down()
    disks.append(_read_disks(guest, data))
    volumes.append(_list_owned(guest))

    guest.destroy()
    volumes.append(_list_owned(guest))
    disks.append(_read_disks(guest, data))
    guest.create(
        dataclasses.replace(first, instance="100-two"), _attach(data, {"scsi1": "ssh_keys", "scsi2": "docs"})
    )
    guest.forget_host_key()
    boots.append(_look(guest, guest.boot()))
    guest.shut_down()
    disks.append(_read_disks(guest, data))
    volumes.append(_list_owned(guest))
    guest.destroy()
    return Life(
        (boots[0], boots[1], boots[2]), tuple(disks), tuple(volumes), early, absent, hostname, (grown, noted.size)
    )


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with open_booted_guest(tmp_path_factory.mktemp("life")) as guest:
        yield live(guest)


def test_every_boot_ends_well(life: Life) -> None:
    assert [boot.ending for boot in life.boots] == [Ending(EndingState.DONE)] * 3
    assert [boot.shown["units"] for boot in life.boots] == [""] * 3


def test_files_are_read_through_the_agent(life: Life) -> None:
    assert (life.early_read, life.absent_read, life.hostname) == (None, None, "life\n")


def test_what_cloud_init_was_told_is_valid_by_its_own_schema(life: Life) -> None:
    schema = life.boots[0].shown["schema"]
    assert schema.count("Valid schema") == 2
    assert "nvalid" not in schema.replace("Valid", "")


def test_the_machine_has_its_names(life: Life) -> None:
    assert life.boots[0].shown["names"].split() == ["life", "life.home.example"]


def test_the_network_is_as_planned(life: Life) -> None:
    shown = life.boots[0].shown
    (link,) = json.loads(shown["links"])
    held = {f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if one["scope"] == "global"}
    assert held == set(ADDRESSES)
    assert _find_default(json.loads(shown["routes"])) == [GATEWAY]
    assert _find_default(json.loads(shown["routes6"])) == [GATEWAY6]
    assert shown["dns"].splitlines() == [f"Link 2 (eth0): {GATEWAY}", "Link 2 (eth0): home.example"]


def _find_default(routes: list[dict[str, Any]]) -> list[str]:
    return [route["gateway"] for route in routes if route["dst"] == "default"]


def test_dhcp_is_understood_by_networkd_and_netplan(life: Life) -> None:
    networkd, netplan = life.boots[0].shown["networkd"], life.boots[0].shown["netplan"]
    assert "DHCP=ipv4" in networkd
    assert f"MACAddress={OTHER_MAC}" in networkd
    assert "dhcp4: true" in netplan
    assert "dhcp-identifier: mac" in netplan


def test_nothing_is_installed_that_the_image_holds(life: Life) -> None:
    """No run of apt: under emulation each costs seconds."""
    assert "Reading package lists" not in life.boots[0].shown["apt"]
    assert "Start-Date" not in life.boots[0].shown["apt"]


def test_data_disks_are_found_by_serial_in_whatever_slot(life: Life) -> None:
    wanted = [f"{serial} {path}" for serial, path in SERIALS.items()]
    assert [boot.shown["mounts"].splitlines() for boot in life.boots] == [wanted] * 3


def test_a_running_machines_disk_grows(life: Life) -> None:
    assert life.grown == (3 * GiB, 3 * GiB)


def test_the_fstab_lists_each_disk_once(life: Life) -> None:
    for boot in life.boots:
        assert boot.shown["fstab"].count("LABEL=docs ") == 1
    assert life.boots[0].shown["fstab"] == life.boots[1].shown["fstab"]


def test_edited_user_data_keeps_the_host_key_and_takes_effect_on_re_creation(life: Life) -> None:
    one, two, three = (boot.shown["host_key"] for boot in life.boots)
    assert one.startswith("ssh-ed25519 ")
    assert one.count("\n") == 1
    assert two == one
    assert three != one
    assert [boot.shown["users"].count("late:") for boot in life.boots] == [0, 0, 0]


def test_the_data_disk_survives_its_consumer(life: Life) -> None:
    """Same volume, same file system, same files: path, mode, owner, size and content, read from outside."""
    written, cold, alone, again = life.disks
    assert life.volumes[0] == life.volumes[1] == life.volumes[2]
    assert written == cold == alone == again
    docs = written["docs"]
    assert (docs.label, docs.is_clean) == ("docs", True)
    found = {entry.path: entry for entry in docs.entries}
    large = found["/deep/er/large"]
    assert (large.mode, large.owner, large.group, large.size) == (0o100644, 1234, 4321, 300000)
    assert found["/deep"].mode == 0o042750
    assert found["/a name"].mode == 0o100640
    assert found["/link"].mode & 0o170000 == 0o120000
    assert {entry.path for entry in written["ssh_keys"].entries} == {"/lost+found", "/id"}
