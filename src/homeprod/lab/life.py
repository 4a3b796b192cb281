"""Bringing a lab up, whatever is left of it, and taking it down without a trace."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.census import list_machines, list_running_tasks
from homeprod.lab.folder import LabFolder, Say
from homeprod.lab.guest.remains import remove_remains
from homeprod.lab.host import check_host, check_port, require_root
from homeprod.lab.image.outcome import ImageState
from homeprod.lab.image.source import list_sources
from homeprod.lab.lan import Lan
from homeprod.lab.process import reap, spawn_module
from homeprod.lab.spec import STAND_IN, LabSpec
from homeprod.lab.status import read_images
from homeprod.lab.supply import end_builders, say_what_next

_START_PATIENCE = 60.0
_STOP_PATIENCE = 20.0
"""Seconds that the lab's process gets to begin to answer, and to end."""
_LOOK_EVERY = 0.1


def choose_spec(
    lab: LabFolder, fresh: LabSpec | None, *, boots: bool | None, port: int | None, images: str | None
) -> LabSpec:
    """What the lab is to look like: by the site (``fresh``), else as it was, else plain. What was not asked
    for stays.

    Raises LabError where that cannot be had while the lab keeps its disks.
    """
    before = lab.read_spec() if lab.exists() else None
    spec = fresh or before or LabSpec(lab.name)
    was_booting = before.boot if before is not None else True
    if before is not None and boots not in (None, before.boot):
        kind = "boots machines" if before.boot else "was made with --no-boot"
        raise LabError(
            f"lab {lab.name} {kind}, and its disks are made for that",
            hint=_begin_anew(lab),
        )
    if before is not None:
        _check_same_place(lab, before, spec)
    chosen = dataclasses.replace(
        spec,
        name=lab.name,
        boot=was_booting if boots is None else boots,
        port=port if port is not None else (before.port if before is not None else 0),
        images=images or (before.images if before is not None else STAND_IN),
    )
    list_sources(chosen)
    return chosen


def _begin_anew(lab: LabFolder) -> str:
    return f"take another name, or begin anew; its disks are lost with it:\n\n  homeprod lab down {lab.name} --disks"


def _check_same_place(lab: LabFolder, before: LabSpec, spec: LabSpec) -> None:
    """Machines on a node that is no more would be out of reach, and run on unseen."""
    nodes = {machine.node for machine in list_machines(lab, before)} - set(spec.nodes)
    if nodes:
        raise LabError(
            f"lab {lab.name} holds machines of another site (on {', '.join(sorted(nodes))})",
            hint=_begin_anew(lab),
        )


def bring_up(lab: LabFolder, spec: LabSpec, say: Say) -> bool:
    """Make the lab answer, as ``spec`` says; whether anything had to be done. Machines that run keep running.

    Whatever an earlier lab on this folder left (killed, interrupted, or before a reboot) is taken over or cleared
    away. Raises LabError.
    """
    with lab.lock(say):
        before = lab.read_spec() if lab.exists() else None
        daemon = lab.find_daemon()
        if daemon is not None and lab.read_url() and before == spec and not _has_failed_image(lab, spec):
            if spec.boot:
                require_root(lab.name)
                Lan(spec, lab.path).up()
            return False
        try:
            _check(lab, spec, is_same_port=before is not None and before.port == spec.port and daemon is not None)
        except LabError:
            if before is None:
                shutil.rmtree(lab.path, ignore_errors=True)
            raise
        if daemon is not None:
            say("restarting the lab's process; machines keep running")
            _end_daemon(lab)
        end_builders(lab.path, but=[source.key for source in list_sources(spec)])
        spec.write(lab.spec_file)
        _start(lab, spec, say)
        return True


def _check(lab: LabFolder, spec: LabSpec, *, is_same_port: bool) -> None:
    tasks = list_running_tasks(lab.path) if lab.find_daemon() is not None else []
    if tasks:
        raise LabError(
            f"lab {lab.name} is to be changed and works on {', '.join(tasks)}",
            hint="wait until that has ended, then repeat it",
        )
    has_machines = any(machine.pid for machine in list_machines(lab, spec))
    check_host(spec, lab.path, has_machines=has_machines)
    if spec.port and not is_same_port:
        check_port(spec.port)


def _has_failed_image(lab: LabFolder, spec: LabSpec) -> bool:
    return any(image.kind in ("failed", "absent") for image in read_images(lab, spec))


def _start(lab: LabFolder, spec: LabSpec, say: Say) -> None:
    has_machines = any(machine.pid for machine in list_machines(lab, spec))
    try:
        if spec.boot:
            say("making the lab's network")
            Lan(spec, lab.path).up()
            remove_remains(spec, lab.path)
        say("starting the lab's API")
        _start_daemon(lab)
    except LabError:
        # Nothing half-made stays, unless machines live in it.
        if spec.boot and not has_machines:
            end_builders(lab.path)
            Lan(spec, lab.path).down()
        raise


def _start_daemon(lab: LabFolder) -> None:
    lab.daemon_file.unlink(missing_ok=True)
    (lab.path / "daemon.error").unlink(missing_ok=True)
    mark = spawn_module("homeprod.lab.daemon", (str(lab.path.absolute()),), lab.path / "daemon.out")
    deadline = time.monotonic() + _START_PATIENCE
    while mark is not None and mark.is_alive():
        if lab.read_url():
            return
        if time.monotonic() >= deadline:
            mark.end()
            break
        time.sleep(_LOOK_EVERY)
    if mark is not None:
        reap(mark)
    raise _read_failure(lab)


def _read_failure(lab: LabFolder) -> LabError:
    try:
        failure = json.loads((lab.path / "daemon.error").read_text())
        return LabError(failure["message"], where=failure["where"], hint=failure["hint"])
    except (OSError, ValueError, KeyError):
        log = lab.path / "daemon.out"
        return LabError("the lab's process did not begin to answer", where=lab.name, hint=f"what it said is in {log}")


def _end_daemon(lab: LabFolder) -> None:
    mark = lab.find_daemon()
    if mark is not None:
        mark.end(_STOP_PATIENCE)
        reap(mark)


def wait_for_images(lab: LabFolder, spec: LabSpec, say: Say) -> None:
    """Return when every image that the lab's seeds need is there; what their builders say goes to ``say``.

    Raises LabError with the error of the build.
    """
    said = ""
    while True:
        images = read_images(lab, spec)
        for image in images:
            if image.kind in ("failed", "absent"):
                raise _explain(image, lab)
            if image.kind == "building" and image.line != said:
                said = image.line
                say(f"image {image.name}: {said}")
        if all(image.kind == "built" for image in images):
            return
        time.sleep(_LOOK_EVERY)


def _explain(image: ImageState, lab: LabFolder) -> LabError:
    error = say_what_next(image.source, image.error(), lab.name)
    return LabError(error.message, where=f"lab {lab.name}", hint=error.hint)


def take_down(lab: LabFolder, say: Say, *, removes_disks: bool, limit: float | None) -> None:
    """Shut the lab's machines down, each within ``limit`` seconds (its own ``startup: down=``, else 60), then remove
    its processes, links, namespace; with ``removes_disks`` all of its folder too. Raises LabError."""
    # Here, because it takes the whole hypervisor, which `lab up` only starts (half of its time went into loading it).
    from homeprod.lab.shutdown import shut_down_machines

    # What cannot be read can still be removed: everything is looked for under the lab's name.
    spec = lab.read_spec() if not removes_disks or _is_readable(lab) else LabSpec(lab.name)
    if spec.boot:
        require_root(lab.name, "lab down")
    with lab.lock(say):
        _end_daemon(lab)
        end_builders(lab.path)
        shut_down_machines(spec, lab.path, say, limit)
        if spec.boot:
            Lan(spec, lab.path).down()
        _forget_processes(lab.path)
        if removes_disks:
            say("removing the lab's disks")
            _remove(lab.path)


def _is_readable(lab: LabFolder) -> bool:
    try:
        lab.read_spec()
    except LabError:
        return False
    return True


def _forget_processes(state: Path) -> None:
    for name in ("daemon.json", "daemon.mark", "daemon.error"):
        (state / name).unlink(missing_ok=True)


def _remove(state: Path) -> None:
    try:
        shutil.rmtree(state)
    except OSError as error:
        raise LabError(f"cannot remove the lab's folder: {error.strerror}", where=str(error.filename)) from error
