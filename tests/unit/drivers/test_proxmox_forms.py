"""Forms, both ways, over whatever hypothesis thinks of; and the cases that matter most, as our own.

The recorded answers (tests/system/test_recorded_forms.py) say what Proxmox itself does.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeprod.drivers.proxmox.forms.agent import parse_agent, print_agent
from homeprod.drivers.proxmox.forms.boot import parse_boot, print_boot
from homeprod.drivers.proxmox.forms.drive import is_drive_slot, parse_drive, print_drive, print_new_drive
from homeprod.drivers.proxmox.forms.form import FormError
from homeprod.drivers.proxmox.forms.net import MODELS, parse_net, print_net
from homeprod.drivers.proxmox.forms.size import parse_size, print_gib, print_size
from homeprod.drivers.proxmox.forms.startup import parse_startup, print_startup
from homeprod.drivers.proxmox.forms.tag import normalise_tags, parse_tags, print_tags
from homeprod.drivers.proxmox.forms.text import decode_text, encode_text, settle_description
from homeprod.drivers.proxmox.forms.upid import Upid, parse_upid
from homeprod.drivers.proxmox.forms.volume import parse_volume_id, parse_volume_name
from homeprod.plan.config import Agent, BootOrder, Drive, NewDrive, Nic, Startup
from homeprod.plan.volume import read_owner

GIB = 1024**3
FLAG = st.sampled_from(["0", "1"])
WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9]{1,12}", fullmatch=True)


def some_of(**options: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Any of these options, as typed values hold them."""
    named = {name.replace("__", "-"): values for name, values in options.items()}
    return st.fixed_dictionaries({}, optional=named).map(lambda found: tuple(sorted(found.items())))


MACS = st.from_regex(r"[0-9A-F][02468ACE](:[0-9A-F]{2}){5}", fullmatch=True)
NICS = st.builds(
    Nic,
    st.sampled_from(MODELS),
    st.none() | MACS,
    st.none() | WORD,
    some_of(
        firewall=FLAG,
        link_down=FLAG,
        tag=st.integers(1, 4094).map(str),
        mtu=st.integers(1, 65520).map(str),
        trunks=st.sampled_from(["5", "10;20-30"]),
        rate=st.sampled_from(["12.5", "100"]),
    ),
)
VOLUMES = st.builds("{}:{}".format, WORD, st.from_regex(r"vm-[1-9][0-9]{2,8}-disk-[0-9]", fullmatch=True))
SIZES = st.integers(0, 2**50)
DRIVES = st.builds(
    Drive,
    VOLUMES | st.just("none"),
    st.none() | SIZES,
    some_of(
        backup=FLAG,
        discard=st.sampled_from(["on", "ignore"]),
        iothread=FLAG,
        media=st.sampled_from(["cdrom", "disk"]),
        serial=WORD,
        ssd=FLAG,
        cache=st.sampled_from(["none", "writeback"]),
    ),
)
DELAYS = st.none() | st.integers(0, 10**6)


@given(NICS)
def test_nics(nic: Nic) -> None:
    assert parse_net(print_net(nic)) == nic


@given(DRIVES)
def test_drives(drive: Drive) -> None:
    assert parse_drive("scsi0", print_drive(drive)) == drive


@given(SIZES)
def test_sizes(size: int) -> None:
    assert parse_size(print_size(size)) == size
    assert 0 <= parse_size(f"{print_gib(size)}G") - size < 1024**2


@given(st.builds(Startup, DELAYS, DELAYS, DELAYS).filter(lambda startup: startup != Startup()))
def test_startup(startup: Startup) -> None:
    assert parse_startup(print_startup(startup)) == startup


@given(st.builds(Agent, st.booleans(), some_of(fstrim_cloned_disks=FLAG, freeze__fs=FLAG, type=st.just("isa"))))
def test_agents(agent: Agent) -> None:
    assert parse_agent(print_agent(agent)) == agent


@given(st.lists(st.sampled_from(["scsi0", "ide2", "net0", "virtio15", "sata5"]), unique=True))
def test_boot_orders(devices: list[str]) -> None:
    order = BootOrder(tuple(devices))
    assert parse_boot(print_boot(order)) == order


@given(st.frozensets(st.from_regex(r"[a-z0-9_][a-z0-9_+.-]*", fullmatch=True)))
def test_tags(tags: frozenset[str]) -> None:
    assert parse_tags(print_tags(tags)) == tags
    for separator in (";", ",", " ", " ; "):
        assert parse_tags(separator.join(tags)) == tags


@given(st.text())
def test_texts(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert decode_text(encode_text(text)) == text
    assert settle_description(settle_description(text)) == settle_description(text)


WORD32 = st.integers(0, 2**32 - 1)


@given(
    st.builds(
        Upid,
        st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True),
        WORD32,
        st.integers(0, 2**36 - 1),
        WORD32,
        WORD,
        st.just("") | WORD,
        st.sampled_from(["root@pam", "homeprod@pve!cli"]),
    )
)
def test_upids(upid: Upid) -> None:
    assert parse_upid(str(upid)) == upid


@given(st.text(), st.sampled_from([(8, 4), (9, 2)]), st.booleans())
def test_parsers_only_raise_form_errors(text: str, release: tuple[int, int], strict: bool) -> None:
    for parse in (
        lambda: parse_net(text, release, strict=strict),
        lambda: parse_drive("scsi0", text, release, strict=strict),
        lambda: parse_agent(text, release, strict=strict),
        lambda: parse_boot(text),
        lambda: parse_size(text, release),
        lambda: parse_startup(text),
        lambda: parse_tags(text),
        lambda: parse_upid(text),
        lambda: parse_volume_id(text),
        lambda: parse_volume_name(text, "dir", release),
        lambda: read_owner(text),
    ):
        try:
            parse()
        except FormError:
            continue


def test_new_drives() -> None:
    """Whole GiB, rounded up; an import has size 0 (facts: create, drives)."""
    assert print_new_drive(NewDrive("local-lvm", 32 * GIB)) == "local-lvm:32"
    assert print_new_drive(NewDrive("local-lvm", 3 * GIB // 2, options=(("ssd", "1"),))) == "local-lvm:1.5,ssd=1"
    imported = NewDrive("local-lvm", 32 * GIB, "local:import/x.qcow2", (("backup", "1"), ("serial", "S")))
    assert print_new_drive(imported) == "local-lvm:0,backup=1,import-from=local:import/x.qcow2,serial=S"


def test_options_of_a_newer_release_are_kept() -> None:
    """A drive that cannot be read is a volume that is not seen: so nothing in it may make it unreadable."""
    text = "local-lvm:vm-100-disk-0,brand-new=yes,cache=unheard-of,size=32G"
    drive = parse_drive("scsi0", text, strict=False)
    assert drive == Drive("local-lvm:vm-100-disk-0", 32 * GIB, (("brand-new", "yes"), ("cache", "unheard-of")))
    assert print_drive(drive) == text
    with pytest.raises(FormError):
        parse_drive("scsi0", text)
    assert parse_drive("scsi0", "a1:x,size=half", strict=False) == Drive("a1:x", None, (("size", "half"),))


def test_drive_slots() -> None:
    assert all(map(is_drive_slot, ["ide3", "sata5", "scsi30", "virtio15", "unused255"]))
    assert not any(map(is_drive_slot, ["ide4", "scsi31", "scsi01", "efidisk0", "scsihw", "net0", "unused256"]))


@pytest.mark.parametrize(
    ("volume", "owner"),
    [
        ("local-lvm:vm-94001022-disk-0", 94001022),
        ("local:100/vm-100-disk-0.qcow2", 100),
        # The folder decides, not the name in it.
        ("local:100/vm-101-disk-0.raw", 100),
        ("local:100/base-100-disk-0.qcow2/101/vm-101-disk-0.qcow2", 101),
        ("zp:base-100-disk-0/vm-101-disk-0", 101),
        ("zp:subvol-101-disk-0", 101),
        ("local:iso/x.iso", None),
        ("local:import/vm-100-disk-0.qcow2", None),
        ("local:snippets/100.yaml", None),
        ("none", None),
    ],
)
def test_owners(volume: str, owner: int | None) -> None:
    assert read_owner(volume) == owner


def test_tags_by_release() -> None:
    assert normalise_tags({"Prod", "dev"}, (9, 0)) == {"prod", "dev"}
    assert normalise_tags({"Prod", "dev"}, (8, 4)) == {"Prod", "dev"}
