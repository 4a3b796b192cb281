"""Twenty kinds of change by hand on a booted Debian 13, each of something that its playbook declares: seen in one
check by the node's own worker, put right by one run, and nothing reported in twenty cycles without a change."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.booted_guest import BootedGuest, open_booted_guest
from tests.unit.control.runs.node import SETTINGS, WORKER, Desk, Node, make_job, tell

from homeprod.cloudinit.userdata import Guest, User
from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import RunStatus
from homeprod.lab.lan.network import Lan

SEAN = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'S' * 42} x"
ADDRESS = "192.0.2.100"
CYCLES = 20
LIMIT = 600
"""Seconds of a run: the machine is emulated."""
PLAYBOOK = """
- hosts: all
  become: true
  gather_facts: false
  tasks:
    - {name: content, ansible.builtin.copy: {content: "as it should be\\n", dest: /etc/kept.conf, mode: "0644"}}
    - {name: mode, ansible.builtin.copy: {content: "x\\n", dest: /etc/kept.mode, mode: "0600"}}
    - {name: owner, ansible.builtin.file: {path: /srv/owned, state: directory, owner: root, mode: "0755"}}
    - {name: group, ansible.builtin.file: {path: /srv/grouped, state: directory, group: adm, mode: "0755"}}
    - {name: missing file, ansible.builtin.copy: {content: "x\\n", dest: /etc/kept.missing, mode: "0644"}}
    - {name: stranger's file, ansible.builtin.file: {path: /etc/profile.d/stranger.sh, state: absent}}
    - {name: link, ansible.builtin.file: {path: /srv/link, src: /etc/kept.conf, state: link}}
    - {name: line, ansible.builtin.lineinfile: {path: /etc/kept.lines, line: "one", create: true, mode: "0644"}}
    - {name: block, ansible.builtin.blockinfile: {path: /etc/kept.block, block: "a\\nb", create: true, mode: "0644"}}
    - {name: nginx site, ansible.builtin.copy: {content: "# a site\\n", dest: /etc/nginx/conf.d/kept.conf,
       mode: "0644"}}
    - {name: secret, no_log: true,
       ansible.builtin.copy: {content: "a canary of the vault", dest: /etc/kept.secret, mode: "0600"}}
    - {name: group of users, ansible.builtin.group: {name: kept, system: true}}
    - {name: user, ansible.builtin.user: {name: keeper, shell: /usr/sbin/nologin, groups: [kept], system: true}}
    - {name: package, ansible.builtin.apt: {deb: /srv/kept.deb}}
    - {name: package on hold, ansible.builtin.dpkg_selections: {name: bash, selection: hold}}
    - {name: unit file, ansible.builtin.copy: {dest: /etc/systemd/system/kept.service, mode: "0644",
       content: "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"}}
    - {name: service enabled, ansible.builtin.systemd_service: {name: kept, enabled: true, daemon_reload: true}}
    - {name: service running, ansible.builtin.systemd_service: {name: kept, state: started}}
    - {name: write the rules, ansible.builtin.copy: {dest: /etc/kept.nft, mode: "0644",
       content: "table inet kept { chain in { type filter hook input priority 10; tcp dport 4711 drop; }; }\\n"}}
    - {name: look at the firewall, ansible.builtin.command: nft list ruleset, register: rules, changed_when: false,
       check_mode: false}
    - {name: firewall rule, ansible.builtin.command: {argv: [nft, -f, /etc/kept.nft], removes: /etc/kept.nft},
       changed_when: true, when: "'dport 4711' not in rules.stdout"}
    - {name: look at the kernel, ansible.builtin.command: cat /proc/sys/vm/swappiness, register: swappiness,
       changed_when: false, check_mode: false}
    - {name: kernel setting, changed_when: true, when: swappiness.stdout != '7',
       ansible.builtin.command: {argv: [tee, /proc/sys/vm/swappiness], stdin: "7", removes: /proc/sys/vm}}
    - ansible.builtin.include_role: {name: homeprod.site.base}
"""
PACKAGE = r"""
mkdir -p /tmp/kept/DEBIAN
printf 'Package: kept\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n' >/tmp/kept/DEBIAN/control
dpkg-deb --build /tmp/kept /srv/kept.deb
"""
"""The machine reaches no archive."""
KINDS = {
    "content": "echo 'as somebody wants it' >/etc/kept.conf",
    "mode": "chmod 666 /etc/kept.mode",
    "owner": "chown nobody /srv/owned",
    "group": "chgrp nogroup /srv/grouped",
    "missing file": "rm /etc/kept.missing",
    "stranger's file": "echo true >/etc/profile.d/stranger.sh",
    "link": "ln -sfn /dev/null /srv/link",
    "line": "sed -i /one/d /etc/kept.lines",
    "block": "sed -i s/^b$/c/ /etc/kept.block",
    "nginx site": "echo '# another' >/etc/nginx/conf.d/kept.conf",
    "secret": "echo 'a canary of yesterday' >/etc/kept.secret",
    "user": "usermod --shell /bin/bash keeper",
    "package": "dpkg --purge kept",
    "package on hold": "echo bash install | dpkg --set-selections",
    "service enabled": "systemctl disable kept",
    "service running": "systemctl stop kept",
    "firewall rule": "nft delete table inet kept",
    "kernel setting": "echo 60 >/proc/sys/vm/swappiness",
    "Have their keys, and no others": "echo 'ssh-ed25519 AAAA stranger' >>/home/sean/.ssh/authorized_keys",
    "Harden sshd": "rm /etc/ssh/sshd_config.d/10-homeprod.conf",
    "Set the host name": "hostnamectl hostname stranger",
}
"""By the task that puts it right. A stopped container is Harbormaster's affair, and seen by its own status."""
pytestmark = [
    pytest.mark.guest,
    pytest.mark.soak,
    pytest.mark.timeout(3500),
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root"),
]


@contextmanager
def serve_key(folder: Path) -> Iterator[Path]:
    """An agent that has the key of the guest's user, as the node's has that of its environment."""
    place = folder / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(place)], stdout=subprocess.DEVNULL)
    try:
        while not place.exists() and agent.poll() is None:
            time.sleep(0.01)
        env = {**os.environ, "SSH_AUTH_SOCK": str(place)}
        subprocess.run(["ssh-add", "-q", str(folder / "key")], check=True, env=env, capture_output=True)
        yield place
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(10)


def make_desk(folder: Path, guest: BootedGuest, agent: Path) -> Desk:
    """Whose workers live in the lab's network, as the control node does."""
    variables = {
        "ansible_host": ADDRESS,
        "ansible_user": guest.user.name,
        "ansible_python_interpreter": "/usr/bin/python3",
        "homeprod_domain": "home.example",
        "homeprod_people": [{"name": "sean", "keys": [SEAN], "sudo": True}],
    }
    (folder / "site.yml").write_text(PLAYBOOK)
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"lab-proxy": variables}}}))
    key = next(line.split()[1:3] for line in (folder / "known").read_text().splitlines() if "ssh-ed25519" in line)
    known = (f"{ADDRESS} {' '.join(key)}",)
    job = make_job(folder, known_hosts=known, agent_socket=str(agent), limit_seconds=LIMIT)
    return Desk(job, Lan(guest.lab.spec, guest.lab.folder).enter(WORKER))


async def look(node: Node) -> Condition:
    await node.check("lab-proxy")
    return await node.wait_for_check("lab-proxy")


def test_twenty_kinds_of_change_are_seen_in_one_check_and_put_right_by_one_run(tmp_path: Path) -> None:
    with open_booted_guest(tmp_path) as guest:
        guest.create(Guest("m1", "m1-1", "home.example", (guest.user, User("sean", (SEAN,)))), {})
        guest.boot()
        guest.ssh(PACKAGE)

        async def story(node: Node) -> None:
            node.patience = 2 * LIMIT
            run = await node.wait_for((await node.ring("lab-proxy")).run_id)
            assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
            assert [one.task for one in (await look(node)).drift] == []
            for change in KINDS.values():
                guest.ssh(change)
            found = await look(node)
            assert (found.problem, {one.task for one in found.drift}) == ("", {*KINDS})
            assert "canary" not in json.dumps([one.diff for one in found.drift])
            assert (await node.ledger.host("lab-proxy")).applied_instance == run.instance

            run = await node.wait_for((await node.ring("lab-proxy")).run_id)
            assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
            assert [one.task for one in (await node.wait_for_check("lab-proxy")).drift] == []
            for _ in range(CYCLES):
                found = await look(node)
                assert (found.problem, [one.task for one in found.drift]) == ("", [])

        with serve_key(tmp_path) as agent:
            settings = SETTINGS.model_copy(update={"run_limit": LIMIT, "attempts": 1})
            tell(tmp_path, make_desk(tmp_path, guest, agent), story, settings)
