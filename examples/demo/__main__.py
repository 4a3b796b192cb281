"""`make demo`: the whole way of examples/pegasus on the embedded lab, by the commands that a person would type.

Interrupted anywhere, the next run goes on from what is there.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from demo.machine import Prospect, look_around
from demo.stage import LAB, DemoError, Stage, tell

ANSIBLE = "lab-ansible"
WITNESS = "/var/lib/ansible/demo-witness"


def main() -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prospect = look_around()
        tell(prospect.describe())
        stage = Stage(began, boots=prospect.can_boot)
        play(stage, prospect)
    except DemoError as error:
        sys.stderr.write(f"\nthe demo stopped: {error}\nrun it again: it goes on from what is there\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; run it again: it goes on from what is there\n")
        return 130
    return 0


def play(stage: Stage, prospect: Prospect) -> None:
    """Every step in order. Raises DemoError at the first that fails."""
    with stage.step("a lab that speaks Proxmox's API", "its image is built behind it"):
        stage.prepare_site()
        stage.lab("up", LAB, "--no-wait" if prospect.can_boot else "--no-boot")
        stage.make_keys()
    with stage.step("the plan", "it only reads"):
        stage.homeprod("plan", allowed=(0, 2))
    for batch in prospect.batches:
        with stage.step("the machines", "made, booted, and cloud-init waited for in each"):
            stage.apply(batch)
        if prospect.can_boot:
            with stage.step("a login in each", "by key, over the lab's own network"):
                for name, user in batch.items():
                    stage.log_in(name, user)
            stage.make_room(prospect, batch)
    with stage.step("the plan again", "nothing may be left to do"):
        stage.homeprod("plan")
    survive(stage, prospect)
    stage.show_table()


def survive(stage: Stage, prospect: Prospect) -> None:
    """lab-ansible is destroyed and made again; what lay on its data disk is still there."""
    if prospect.can_boot:
        with stage.step("a file on lab-ansible's data disk"):
            if len(prospect.batches) > 1:
                stage.start(ANSIBLE)
            words = f"written {time.strftime('%Y-%m-%d %H:%M:%S')}"
            stage.run_in(ANSIBLE, "ops", f"echo '{words}' | sudo tee {WITNESS}")
            before = stage.run_in(ANSIBLE, "ops", f"sudo sha256sum {WITNESS}; sync")
    with stage.step("lab-ansible destroyed and made again", "its data disk belongs to lab-ansible-data, and stays"):
        stage.homeprod("destroy", ANSIBLE, "--yes")
        stage.apply({ANSIBLE: "ops"})
    if prospect.can_boot:
        with stage.step("the same file, in the new machine"):
            after = stage.run_in(ANSIBLE, "ops", f"sudo sha256sum {WITNESS}; sync")
            if after.splitlines()[:1] != before.splitlines()[:1]:
                raise DemoError(f"the file has changed: {before!r} before, {after!r} after")
            tell(f"unchanged: {after.splitlines()[0]}")
    with stage.step("the plan once more"):
        stage.homeprod("plan")


if __name__ == "__main__":
    sys.exit(main())
