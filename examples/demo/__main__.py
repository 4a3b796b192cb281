"""`make demo`: the whole way of examples/pegasus on the embedded lab, by the commands that a person would type.

Interrupted anywhere, the next run goes on from what is there. `make demo-entry`, `make demo-ongoing`,
`make demo-promotion` and `make demo-control` go on with a lab that is up; `make demo-all` plays them all.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from demo.chapters import name_chapter, play_all
from demo.comeback import play_comeback
from demo.control import begin_control_node, begin_repositories, deliver_secret, ring_for_idle, wait_for_runs
from demo.entry import ask_for_the_service, make_authorities
from demo.machine import ADMINISTRATOR, NODE, Prospect, look_around
from demo.ongoing import play_ongoing
from demo.promotion import play_promotion
from demo.stage import LAB, DemoError, Stage, tell
from demo.wayin import play_entry

_CHAPTERS = {
    "control": play_comeback,
    "entry": play_entry,
    "ongoing": play_ongoing,
    "promotion": play_promotion,
}


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chapter = name_chapter(arguments[0] if arguments else "")
    try:
        if arguments == ["all"]:
            play_all(Path(__file__).parent)
            return 0
        prospect = look_around()
        stage = Stage(began, boots=prospect.can_boot)
        if arguments:
            _CHAPTERS[arguments[0]](stage)
        else:
            tell(prospect.describe())
            play(stage, prospect)
    except DemoError as error:
        sys.stderr.write(f"\nthe demo stopped: {error}\nrun it again: it goes on from what is there ({chapter})\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"\ninterrupted; run it again: it goes on from what is there ({chapter})\n")
        return 130
    return 0


def play(stage: Stage, prospect: Prospect) -> None:
    """Every step in order. Raises DemoError at the first that fails."""
    with stage.step("a lab that speaks Proxmox's API", "its image is built behind it"):
        stage.prepare_site()
        stage.lab("up", LAB, "--no-wait" if prospect.can_boot else "--no-boot")
        stage.make_keys()
    with stage.step("the plan", "it only reads; most machines wait for the control node's key"):
        stage.homeprod("plan", allowed=(0, 2))
    if not prospect.can_boot:
        with stage.step("what need not wait is made"):
            stage.apply(NODE)
        stage.show_table()
        return
    play_booted(stage, prospect)
    stage.show_table()


def play_booted(stage: Stage, prospect: Prospect) -> None:
    with stage.step("the playbook, vault and app repositories", "real git over SSH, within the lab"):
        begin_repositories(stage)
    with stage.step("the control node", "made, booted, and installed from its second CD"):
        stage.apply(NODE)
    with stage.step("bootstrap and unlock", "at a terminal, as a person would"):
        begin_control_node(stage)
    with stage.step("a secret", "as vault text; nobody but the control node can read it"):
        digest = deliver_secret(stage)
    with stage.step("the site's own authority", "in a lab no public one signs certificates"):
        make_authorities(stage)
    for batch in prospect.batches:
        with stage.step("machines", f"{', '.join(batch)}: made, booted, and handed to the control node"):
            stage.apply(*batch)
        with stage.step("Ansible configures them", "from the playbook repository, by signed commits"):
            ring_for_idle(stage, batch)
            wait_for_runs(stage, batch)
        with stage.step("a login in each", "by key, over the lab's own network"):
            for name, user in batch.items():
                stage.log_in(name, user)
        if "lab-proxy" in batch:
            with stage.step("the secret is where it should be", "its hash compared"):
                found = stage.run_in("lab-proxy", "sean", "sudo sha256sum /etc/demo-secret").split()[0]
                if found != digest:
                    raise DemoError(f"/etc/demo-secret has the hash {found}, the secret {digest}")
                tell(f"the same: {digest}")
        stage.make_room(prospect, batch)
    with stage.step("the plan again", "for these machines nothing may be left to do"):
        stage.plan(NODE, *(name for batch in prospect.batches for name in batch))
    if len(prospect.batches) == 1:
        with stage.step("from outside", "NAT, passthrough, proxy, service: one HTTPS request goes the whole way"):
            ask_for_the_service(stage)
    else:
        tell("\nthe way in from outside needs all machines at once, for which there is not enough memory here")
    with stage.step(f"a login on {NODE}", "its keyring is a sealed file"):
        stage.run_in(NODE, ADMINISTRATOR, "sudo sh -c 'head -n 1 /var/lib/ansible/keyring/*/keyring.age'")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
