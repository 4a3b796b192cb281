"""The collection's roles on a booted Debian 13, by plain ansible-playbook, without homeprod."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.booted_guest import open_booted_guest
from tests.played_host import Host

from homeprod.cloudinit.userdata import Guest, User

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "examples" / "pegasus-playbooks"
SEAN, OPS = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 42} x" for letter in "SO")
CANARY = "canary-of-the-vault"
pytestmark = [
    pytest.mark.guest,
    pytest.mark.soak,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root"),
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("roles")
    with open_booted_guest(folder) as guest:
        people = (guest.user, User("sean", (SEAN,)))
        guest.create(Guest("m1", "m1-1", "home.example", people), {})
        guest.boot()
        guest.ssh("true")
        host = Host(guest, folder, PLAYBOOKS / "site.yml")
        host.variables |= {
            "homeprod_domain": "home.example",
            "homeprod_people": [
                {"name": "sean", "keys": [SEAN], "sudo": True},
                {"name": "ops", "keys": [OPS, SEAN], "sudo": False},
            ],
            "demo_secret": CANARY,
        }
        yield host


def test_a_machine_becomes_what_it_should_be(host: Host) -> None:
    """One machine through its life, in order: booting one for each would take half an hour."""
    ssh = host.guest.ssh
    assert host.play("--check")[0] == 0, host.said
    assert "homeprod-people" not in ssh("cat /etc/group")

    status, changed = host.play()
    assert status == 0, host.said
    assert changed > 0
    assert host.play() == (0, 0), host.said
    assert host.play("--check") == (0, 0), host.said
    assert CANARY not in host.said

    assert ssh("hostname; hostname -f").split() == ["lab-proxy", "lab-proxy.home.example"]
    assert ssh("cat /home/ops/.ssh/authorized_keys").splitlines() == [OPS, SEAN]
    assert ssh("stat -c '%U %a' /home/ops/.ssh /home/ops/.ssh/authorized_keys").split() == [
        "ops",
        "700",
        "ops",
        "600",
    ]
    assert ssh("cat /etc/demo-secret; stat -c ' %U %a' /etc/demo-secret") == f"{CANARY} root 600\n"
    settings = ssh("sshd -T").splitlines()
    assert {"passwordauthentication no", "permitrootlogin no"} <= {*settings}
    assert ssh("sudo -n -u sean sudo -n id -u; sudo -n -u ops sudo -n id -u 2>&1 || true").splitlines()[0] == "0"
    assert "password is required" in ssh("sudo -n -u ops sudo -n id -u 2>&1 || true")
    assert ssh("systemctl is-active systemd-timesyncd qemu-guest-agent").split() == ["active"] * 2
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in ssh("apt-config dump")


def test_who_is_gone_is_locked_out_and_loses_nothing(host: Host) -> None:
    ssh = host.guest.ssh
    host.play()
    ssh("su ops -c 'echo mine >/home/ops/file'")
    host.variables["homeprod_people"] = [{"name": "sean", "keys": [SEAN], "sudo": False}]
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert ssh("getent group homeprod-people | cut -d: -f4").strip() == "sean"
    ssh("test ! -e /home/ops/.ssh/authorized_keys")
    assert ssh("getent passwd ops | cut -d: -f7; cat /home/ops/file").split() == ["/usr/sbin/nologin", "mine"]
    assert "Jan 02, 1970" in ssh("chage -l ops")
    assert "password is required" in ssh("sudo -n -u sean sudo -n id -u 2>&1 || true")


def test_what_a_stranger_changed_is_put_right(host: Host) -> None:
    ssh = host.guest.ssh
    host.play()
    ssh("echo 'ssh-ed25519 AAAA stranger' >>/home/sean/.ssh/authorized_keys")
    ssh("chmod 666 /etc/apt/apt.conf.d/60homeprod-upgrades; rm /etc/ssh/sshd_config.d/10-homeprod.conf")
    ssh("systemctl disable --now systemd-timesyncd; hostnamectl hostname stranger")
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert ssh("cat /home/sean/.ssh/authorized_keys").splitlines() == [SEAN]
    assert ssh("hostname").strip() == "lab-proxy"
    ssh("cd /home/sean && mv .ssh .gone && su sean -c 'ln -s /etc/sudoers.d .ssh'")
    assert host.play()[0] == 0, host.said
    assert ssh("stat -c %U /etc/sudoers.d; stat -c %F /home/sean/.ssh").split() == ["root", "directory"]
    assert "authorizedkeysfile .ssh/authorized_keys" in ssh("sshd -T").splitlines()


def test_what_would_end_badly_changes_nothing(host: Host) -> None:
    ssh = host.guest.ssh
    host.play()
    before = ssh("sshd -T; cat /etc/sudoers.d/*")
    people = host.variables["homeprod_people"]
    for wrong, words in (
        ({"homeprod_people": [{"name": "admin", "keys": [SEAN]}]}, "admin is whom Ansible logs in as"),
        ({"homeprod_people": [{"name": "zoe", "keys": []}]}, "zoe could not log in"),
        ({"homeprod_people": [{"name": "zoe"}]}, "missing required arguments: keys"),
        ({"base_packages": ["no-such-package"]}, "lab-proxy lacks no-such-package"),
    ):
        host.variables |= wrong
        assert host.play()[0] == 2
        assert words in " ".join(host.said.split())
        host.variables |= {"homeprod_people": people}
    del host.variables["base_packages"]
    ssh("rm /etc/ssh/sshd_config.d/10-homeprod.conf; echo 'NoSuchSetting yes' >>/etc/ssh/sshd_config")
    assert host.play()[0] == 2
    assert "failed to validate" in host.said
    ssh("test ! -e /etc/ssh/sshd_config.d/10-homeprod.conf; sed -i '/NoSuchSetting/d' /etc/ssh/sshd_config")
    assert host.play()[0] == 0, host.said
    assert ssh("sshd -T; cat /etc/sudoers.d/*") == before


def test_a_control_node_never_reboots_by_itself(host: Host) -> None:
    host.variables["base_reboot_at"] = "04:30"
    assert host.play()[0] == 0, host.said
    assert 'Unattended-Upgrade::Automatic-Reboot "true";' in host.guest.ssh("apt-config dump")
    host.guest.ssh("mkdir -p /etc/homeprod; touch /etc/homeprod/control.json")
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in host.guest.ssh("apt-config dump")


def test_a_control_node_is_kept_true(host: Host) -> None:
    ssh = host.guest.ssh
    host.variables["homeprod_control_node"] = "lab-proxy"
    try:
        assert host.play()[0] == 2
        assert "needs a data disk mounted at /var/lib/ansible" in " ".join(host.said.split())
        ssh("mkdir -p /var/lib/ansible /srv/disk/keyring /etc/homeprod/tls; mount --bind /srv/disk /var/lib/ansible")
        ssh("chmod 777 /srv/disk/keyring /etc/homeprod; install -m 644 /dev/null /etc/homeprod/tls/key.pem")
        unit = "[Service]\\nExecStart=true\\n[Install]\\nWantedBy=multi-user.target\\n"
        ssh(f"printf '{unit}' >/etc/systemd/system/homeprod.service")
        assert host.play()[0] == 0, host.said
        assert host.play() == (0, 0), host.said
        assert ssh("stat -c %a /srv/disk/keyring /etc/homeprod /etc/homeprod/tls/key.pem").split() == [
            "750",
            "755",
            "640",
        ]
        assert ssh("systemctl is-enabled homeprod.service").strip() == "enabled"
    finally:
        del host.variables["homeprod_control_node"]
