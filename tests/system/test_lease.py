"""The lease over the lab's API: taken, refused, broken, outlived, lost; and two applies that race for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from tests.lab_server import InjectedFault, LabServer

from homeprod.core.errors import DeniedError, LeaseError
from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.engine.apply import THREADS
from homeprod.engine.lease import Lease, Terms, await_lease, hold_lease

SITE = "1a2b3c4d-0000-4000-8000-000000000000"
POOL = "homeprod-1a2b3c4d-lease-"
QUICK = Terms(limit=1)
PATIENCE = 60.0
Open = Callable[[], ProxmoxHypervisor]


@pytest.fixture
def connect(lab_server: LabServer) -> Iterator[Open]:
    """Opens another person's connection."""
    with ExitStack() as stack:

        def begin(token: str = "") -> ProxmoxHypervisor:
            env = {
                "HOMEPROD_ENDPOINT": lab_server.url,
                "HOMEPROD_TOKEN": token or lab_server.token,
                "HOMEPROD_CA_FILE": str(lab_server.ca_file),
            }
            return stack.enter_context(closing(open_hypervisor(resolve_settings(env))))

        yield begin


def _leases(cluster: ProxmoxHypervisor) -> dict[str, str]:
    return {name.removeprefix(POOL): words for name, words in cluster.read_pools().items() if name.startswith(POOL)}


def _write(lease: Lease, vmid: int = 100) -> None:
    lease.hypervisor.wait(lease.hypervisor.create_machine("pve", vmid, {"name": "made"}))


def _made(lab: LabServer) -> int:
    return len([call for call in lab.written() if call.path.endswith("/qemu")])


def test_held_then_free_and_its_number_never_comes_again(connect: Open) -> None:
    cluster = connect()
    cluster.create_pool("homeprod-99999999-lease-7", "another site's")
    cluster.create_pool(f"{POOL}notes", "no lease")
    for number in ("1", "2", "3"):
        with hold_lease(cluster, SITE, QUICK, print) as lease:
            _write(lease, 100 + int(number))
            ((held, words),) = [item for item in _leases(cluster).items() if item[0] != "notes"]
            assert held == number
            assert words.startswith("held by ")
        assert _leases(cluster)[number].startswith("free; last held by ")
    assert cluster.read_pools()["homeprod-99999999-lease-7"] == "another site's"


def test_given_back_after_an_error(connect: Open) -> None:
    cluster = connect()
    with pytest.raises(ZeroDivisionError), hold_lease(cluster, SITE, QUICK, print):
        raise ZeroDivisionError
    assert _leases(cluster)["1"].startswith("free; ")


def test_who_comes_second_is_told_who_holds_it(connect: Open) -> None:
    first, second, said = connect(), connect(), list[str]()
    with hold_lease(first, SITE, QUICK, print) as lease:
        with pytest.raises(LeaseError, match=r"somebody else is at work on this site: \S+@\S+ \(pid \d+, id") as told:
            await_lease(second, SITE, QUICK, said.append)
        assert "--break-lease" in told.value.hint
        _write(lease)
    assert "looking whether it is still renewed" in said[0]
    assert await_lease(second, SITE, QUICK, said.append).is_free


def test_who_is_patient_comes_next(connect: Open) -> None:
    first, second, waits = connect(), connect(), threading.Event()

    def hold() -> None:
        with hold_lease(first, SITE, QUICK, print):
            begun.set()
            waits.wait(PATIENCE)

    begun, thread = threading.Event(), threading.Thread(target=hold)
    thread.start()
    assert begun.wait(PATIENCE)
    with hold_lease(second, SITE, Terms(1, patience=PATIENCE), lambda _: waits.set()) as lease:
        _write(lease)
        assert not lease.is_fresh
    thread.join(PATIENCE)


def test_a_lease_that_a_dead_host_left_is_taken_over(connect: Open, lab_server: LabServer) -> None:
    cluster, said = connect(), list[str]()
    cluster.create_pool(
        f"{POOL}41",
        "held by a@dead-host (pid 1, id 0a0b0c) for apply since 2026-01-01 00:00:00Z; renewed every 0.1 s,"
        " 3 times so far",
    )
    with hold_lease(cluster, SITE, QUICK, said.append) as lease:
        _write(lease)
        assert list(_leases(cluster)) == ["42"]
    assert "a@dead-host (pid 1, id 0a0b0c) for apply since 2026-01-01 00:00:00Z" in said[0]
    assert "its holder is gone" in said[1]


def test_a_lease_whose_comment_a_person_rewrote_is_watched_too(connect: Open) -> None:
    cluster, said = connect(), list[str]()
    cluster.create_pool(f"{POOL}1", "do not touch, says Sean")
    with hold_lease(cluster, SITE, QUICK, said.append) as lease:
        _write(lease)
    assert "'do not touch, says Sean'" in said[0]


def test_a_broken_lease_writes_nothing_more_and_both_are_told(connect: Open, lab_server: LabServer) -> None:
    first, second, said, told = connect(), connect(), list[str](), list[str]()
    with hold_lease(first, SITE, QUICK, told.append) as lost:
        _write(lost)
        with hold_lease(second, SITE, Terms(1, breaks=True), said.append) as lease:
            with pytest.raises(LeaseError, match="was taken over: held by"):
                _write(lost, 101)
            _write(lease, 102)
        assert lost.is_stopping.is_set()
        with pytest.raises(LeaseError):
            lost.raise_if_lost()
    assert said[0].startswith("took the lease from ")
    assert "nothing new is written" in told[0]
    assert _made(lab_server) == 2
    assert list(_leases(first)) == ["2"]
    assert _leases(first)["2"].startswith("free; ")


def test_a_sleeper_that_others_went_past_writes_nothing(connect: Open, lab_server: LabServer) -> None:
    """Even where everybody else is done by then: no number comes twice."""
    first, second = connect(), connect()
    with hold_lease(first, SITE, QUICK, print) as sleeper:
        sleeper.leave()
        for _ in range(2):
            with hold_lease(second, SITE, QUICK, print):
                pass
        with pytest.raises(LeaseError, match="taken over"):
            _write(sleeper)
    assert _made(lab_server) == 0


def test_a_lease_that_a_person_deleted_is_lost(connect: Open, lab_server: LabServer) -> None:
    cluster = connect()
    with hold_lease(cluster, SITE, QUICK, print) as lease:
        cluster.delete_pool(f"{POOL}1")
        with pytest.raises(LeaseError, match="was deleted"):
            _write(lease)
    assert _made(lab_server) == 0


def test_a_lease_that_cannot_be_renewed_is_given_up_before_others_may_take_it(
    connect: Open, lab_server: LabServer
) -> None:
    cluster, said = connect(), list[str]()
    with hold_lease(cluster, SITE, QUICK, said.append) as lease:
        lab_server.on_call = lambda call: InjectedFault(status=599) if call.method == "PUT" else None
        assert lease.is_stopping.wait(PATIENCE)
        with pytest.raises(LeaseError, match="could not be renewed for"):
            _write(lease)
    assert _made(lab_server) == 0
    assert "nothing new is written" in said[0]


def test_what_was_read_before_holds_only_where_nobody_came_between(connect: Open) -> None:
    first, second = connect(), connect()
    seen = await_lease(first, SITE, QUICK, print)
    with hold_lease(first, SITE, QUICK, print, seen=seen) as lease:
        assert lease.is_fresh
    seen = await_lease(first, SITE, QUICK, print)
    with hold_lease(second, SITE, QUICK, print):
        pass
    with hold_lease(first, SITE, QUICK, print, seen=seen) as lease:
        assert not lease.is_fresh


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_answer_to_its_making_is_lost(connect: Open, lab_server: LabServer, when: str) -> None:
    cluster, faults = connect(), [InjectedFault(when=when, cut=True)]  # type: ignore[arg-type]
    lab_server.on_call = lambda call: (
        faults.pop() if (call.method, call.path) == ("POST", "/pools") and faults else None
    )
    with hold_lease(cluster, SITE, QUICK, print) as lease:
        _write(lease)
    assert not faults
    assert list(_leases(cluster)) == ["1"]


@pytest.mark.parametrize("words", ["free; by hand", "mine"])
def test_a_number_beyond_all_that_a_person_made_is_told(connect: Open, words: str) -> None:
    cluster = connect()
    cluster.create_pool(f"{POOL}{'9' * 15}", words)
    with (
        pytest.raises(LeaseError, match="which was not made by homeprod") as told,
        hold_lease(cluster, SITE, QUICK, print),
    ):
        pass
    assert f"pvesh delete /pools/{POOL}{'9' * 15}" in told.value.hint


def test_an_old_one_that_a_person_put_a_machine_into_stays_and_stops_nobody(
    connect: Open, lab_server: LabServer
) -> None:
    cluster, said = connect(), list[str]()
    cluster.wait(cluster.create_machine("pve", 100, {"name": "mine"}))
    with hold_lease(cluster, SITE, QUICK, print):
        pass
    lab_server.do(lambda hypervisor: hypervisor.pools.add_machine(f"{POOL}1", 100))
    with hold_lease(cluster, SITE, QUICK, said.append) as lease:
        _write(lease, 101)
    assert "lease-1, which nobody holds, cannot be deleted: " in said[0]
    assert sorted(_leases(cluster)) == ["1", "2"]


def test_one_that_cannot_be_given_back_ends_by_itself(connect: Open, lab_server: LabServer) -> None:
    cluster, said = connect(), list[str]()
    with hold_lease(cluster, SITE, Terms(60), said.append):
        lab_server.on_call = lambda call: InjectedFault(status=596) if call.method == "PUT" else None
    assert "could not be given back" in said[0]
    assert "it ends by itself in 60 s" in said[0]


def test_a_token_without_the_right_is_told_what_grants_it(connect: Open, lab_server: LabServer) -> None:
    cluster = connect(lab_server.add_token("few", {"/vms": {"VM.Audit"}}))  # type: ignore[call-arg]
    with (
        pytest.raises(DeniedError, match=r"lacks Pool.Allocate on /pool") as told,
        hold_lease(cluster, SITE, QUICK, print),
    ):
        pass
    assert "pveum acl modify /pool --users root@pam --tokens 'root@pam!few' --roles HomeprodPool" in told.value.hint


def test_a_holder_whose_every_thread_waits_for_an_answer_is_seen_to_be_alive(
    connect: Open, lab_server: LabServer
) -> None:
    """A node that hangs keeps each reader for half a minute; what renews the lease must not wait for them."""
    cluster, other = connect(), connect()
    lab_server.on_call = lambda call: InjectedFault(delay=3.0) if call.path == "/version" else None
    with hold_lease(cluster, SITE, QUICK, print), ThreadPoolExecutor(THREADS) as threads:
        waits = [threads.submit(cluster.read_version) for _ in range(THREADS)]
        with pytest.raises(LeaseError, match="somebody else is at work"):
            await_lease(other, SITE, QUICK, print)
        for wait in waits:
            wait.result(PATIENCE)
