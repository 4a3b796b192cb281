"""`make demo-promotion`: a bad change is stopped by its trial, a good one promoted, watched, and rolled back."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from dataclasses import dataclass

from demo.control import open_repositories, wait_for_runs
from demo.machine import NODE
from demo.ongoing import bring_back, require
from demo.repositories import PLAYBOOK, PLAYBOOKS, VAULT, Repositories
from demo.stage import LAB, DemoError, Stage, replace_once, tell

from homeprod.lab.folder import find_folder
from homeprod.lab.repository.store import Store
from homeprod.site.loader import load_site
from homeprod.wiring import open_cluster

TRIED, AFTER = "lab-proxy", "prod-proxy-passthrough"
"""The machine that a change is tried on, and the one that it counts for."""
ROLE = "greeting"
PLAY = f"""
- name: Who logs in to a machine of the way in is greeted
  hosts: entry_proxy:entry_passthrough
  become: true
  gather_facts: false
  roles:
    - {ROLE}
"""
GREETING = """\
- name: A greeting
  ansible.builtin.copy:
    content: "{text}\\n"
    dest: /etc/motd
    owner: root
    group: root
    mode: "0644"
"""
SERVICE = """
- name: A service that greets the journal
  ansible.builtin.copy:
    content: |
      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart={program} {text}
    dest: /etc/systemd/system/greeting.service
    owner: root
    group: root
    mode: "0644"
  register: greeting_unit
- name: It is up
  ansible.builtin.systemd_service:
    name: greeting.service
    daemon_reload: true
    state: "{{{{ 'restarted' if greeting_unit is changed else 'started' }}}}"
"""
PROGRAM, MISTYPED = "/usr/bin/logger", "/usr/bin/loger"
# A check tries an nginx configuration in nginx's folder, beside the one that serves, and leaves none there.
_LOOK = "-exec stat --format '%i %y %s %n' {} +"
_FILES = f"find /etc/nginx /etc/systemd /etc/motd ! -type d {_LOOK} 2>/dev/null | sha256sum"
_GATE = ("after=lab\n", "after=lab, promotion=Promotion()\n")
_UNSEEN = re.compile(r' *Expectation\("https://(welcome|clock)\.lab.*\n')


def play_promotion(stage: Stage) -> None:
    """Raises DemoError where `make demo` has not come to its end before."""
    if not stage.boots:
        raise DemoError("this needs machines that boot; run it as root, after make demo")
    repositories = open_repositories(stage)
    if not (repositories.playbooks / ".git").exists():
        raise DemoError("there is no playbook repository yet; first run\n\n  make demo\n")
    with stage.step("the lab of make demo", "brought back where it is down"):
        bring_back(stage, repositories.keys)
        name_git_host(repositories)
    if PLAY not in read_pushed(repositories, PLAYBOOK):
        with stage.step("a greeting", "a play of two machines, one of the lab and one of prod; no gate yet"):
            begin_greeting(stage, repositories)
    if '"counterparts"' not in read_pushed(repositories, f"site/{NODE}.json"):
        with stage.step("a gate before prod", "from now on it takes what was tried in the lab alone"):
            put_gate(stage, repositories)
    version = time.strftime("%H:%M:%S")
    with stage.step("a bad change", "a service that does not come up: its trial stops it"):
        stop_bad_change(stage, repositories, f"bad of {version}")
    with stage.step("the change put right", "tried, promoted, and watched"):
        promote_good_change(stage, repositories, f"good of {version}")
    with stage.step("a roll-back", "by a commit that goes forward"):
        roll_back(stage, repositories, f"good of {version}")
    with stage.step("the same once more", "main takes the roll-back in, and is held until somebody says otherwise"):
        keep_away(stage, repositories)
    stage.show_table()


def name_git_host(repositories: Repositories) -> None:
    """As at home, where both clones know where they came from. Safe to repeat."""
    store = Store(find_folder(LAB).path)
    for folder, name in ((repositories.playbooks, PLAYBOOKS), (repositories.vault, VAULT)):
        if "origin" not in repositories.git(folder, "remote").split():
            repositories.git(folder, "remote", "add", "origin", str(store.path(name)))
        repositories.git(folder, "fetch", "--quiet", "origin")
    repositories.git(repositories.playbooks, "config", "homeprod.vault", str(repositories.vault))


def read_pushed(repositories: Repositories, file: str) -> str:
    """As prod has it at the git host; empty where it has no such file."""
    [there] = repositories.git(repositories.playbooks, "ls-tree", "--name-only", "origin/prod", file).split() or [""]
    return repositories.git(repositories.playbooks, "show", f"origin/prod:{file}") if there else ""


def begin_greeting(stage: Stage, repositories: Repositories) -> None:
    write_greeting(repositories, "welcome")
    book = repositories.playbooks / PLAYBOOK
    text = book.read_text()
    book.write_text(text if PLAY in text else text.rstrip("\n") + "\n" + PLAY)
    repositories.commit(repositories.playbooks, "a greeting")
    repositories.push(repositories.playbooks)
    for host in (TRIED, AFTER):
        stage.homeprod("configure", host)
    wait_for_runs(stage, (TRIED, AFTER))


def put_gate(stage: Stage, repositories: Repositories) -> None:
    """The lab's apps are no part of this chapter."""
    declare_gate(stage)
    if not repositories.read_published():
        entry = stage.site / "modules" / "_entry.py"
        entry.write_text(_UNSEEN.sub("", entry.read_text()))
    stage.homeprod("check")
    stage.homeprod("render", "--to", str(repositories.playbooks))
    repositories.commit(repositories.playbooks, "a gate before prod")
    repositories.push(repositories.playbooks)
    stage.homeprod("trials", "prod", *clone(repositories), allowed=(0, 2))


def declare_gate(stage: Stage) -> None:
    """What a person types into the site. Safe to repeat."""
    modules = stage.site / "modules"
    replace_once(modules / "_config.py", _GATE, ("    Person,\n", "    Person,\n    Promotion,\n"))
    for module in ("prod_proxy_vm.py", "prod_proxy_passthrough_vm.py"):
        environment = "    environment=prod,\n"
        replace_once(modules / module, (environment, f'{environment}    counterpart="{TRIED}",\n'))


def stop_bad_change(stage: Stage, repositories: Repositories, text: str) -> None:
    before = look_at_prod(stage, repositories)
    write_greeting(repositories, text, MISTYPED)
    commit(repositories, "greet the journal as well")
    stage.homeprod("affected", "origin/prod..main", *clone(repositories), allowed=(2,))
    stage.homeprod("promote", "main", "--to", "lab", "--yes", *clone(repositories), allowed=(1,))
    stage.homeprod("promote", "main", "--to", "prod", "--yes", *clone(repositories), allowed=(2,))
    require_red(stage, repositories)
    require(look_at_prod(stage, repositories) == before, "prod is not as it was")
    tell("the branch of prod, its machine, its disks and the files on them are as they were")


def require_red(stage: Stage, repositories: Repositories) -> None:
    """Its trial was held, and it was that which stops it."""
    told = json.loads(stage.ask_any("trials", "prod", "main", "--json", *clone(repositories)))
    words = {one["host"]: one["words"] for one in told["hosts"]}
    require("was red" in words.get(AFTER, ""), f"{AFTER} is stopped by no red trial: {words}")


def promote_good_change(stage: Stage, repositories: Repositories, text: str) -> None:
    write_greeting(repositories, text, PROGRAM)
    commit(repositories, "greet the journal by a program that is there")
    stage.homeprod("promote", "main", "--to", "lab", "--yes", *clone(repositories))
    stage.homeprod("trials", "prod", "main", *clone(repositories))
    stage.homeprod("promote", "main", "--to", "prod", "--yes", *clone(repositories))
    require(text in look_at_prod(stage, repositories).greeting, f"{AFTER} does not greet by {text}")


def roll_back(stage: Stage, repositories: Repositories, text: str) -> None:
    why = ("--why", "the journal is full of greetings")
    stage.homeprod("rollback", "--env", "prod", *why, "--yes", *clone(repositories))
    require(text not in look_at_prod(stage, repositories).greeting, f"{AFTER} greets by {text} still")
    stage.homeprod("promote", "main", "--to", "prod", "--yes", *clone(repositories), allowed=(1,))


def keep_away(stage: Stage, repositories: Repositories) -> None:
    """By a commit that descends from the roll-back, with what was rolled back in it."""
    repositories.git(repositories.playbooks, "fetch", "--quiet", "origin")
    repositories.git(repositories.playbooks, "merge", "--quiet", "--strategy", "ours", "--no-edit", "origin/prod")
    stage.homeprod("promote", "main", "--to", "lab", "--yes", *clone(repositories))
    stage.homeprod("promote", "main", "--to", "prod", "--yes", *clone(repositories), allowed=(2,))
    stage.homeprod("rollback", "--env", "prod", "--clear", "--yes", *clone(repositories))
    stage.homeprod("trials", "prod", "main", *clone(repositories))


@dataclass(frozen=True)
class Prod:
    """``machine`` is what Proxmox has of it, disks and digest; ``boot`` which boot this is; ``files`` which of its
    files these are (their numbers on the disk, times and sizes)."""

    head: str
    machine: str
    boot: str
    files: str
    greeting: str


def look_at_prod(stage: Stage, repositories: Repositories) -> Prod:
    site = load_site(stage.site)
    with closing(open_cluster(site, lab=LAB)) as cluster:
        machine = cluster.read_machine(site.config.cluster.node, site.vmid(site.machines[AFTER].machine))
    head = repositories.git(repositories.playbooks, "ls-remote", "origin", "refs/heads/prod").split()[0]
    boot, files = (stage.read_in(AFTER, "sean", it) for it in ("cat /proc/sys/kernel/random/boot_id", _FILES))
    return Prod(head, str(machine), boot, files, stage.run_in(AFTER, "sean", "cat /etc/motd"))


def write_greeting(repositories: Repositories, text: str, program: str = "") -> None:
    file = repositories.playbooks / "roles" / ROLE / "tasks" / "main.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    service = SERVICE.format(program=program, text=text) if program else ""
    file.write_text(GREETING.format(text=text) + service)


def commit(repositories: Repositories, message: str) -> None:
    """To main alone: where it goes from there is for `promote` to say."""
    repositories.git(repositories.playbooks, "add", "--all")
    repositories.git(repositories.playbooks, "commit", "--quiet", "--gpg-sign", "--message", message)


def clone(repositories: Repositories) -> tuple[str, str]:
    return "--repository", str(repositories.playbooks)
