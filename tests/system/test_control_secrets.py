"""A secret of the vault reaches the host it is for, and nothing else of the control node's."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.repositories.origin import Setting
from tests.unit.control.runs.node import ROOM
from tests.unit.control.runs.vaulted import PASSWORD, encrypt, indent
from tests.unit.control.test_daemon import ring, tell, wait_for

from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import HostState, RunStatus

CANARIES = ("canary-of-a-whole-file", "canary-of-one-value", "canary\nof two lines", "canary-that-no-log-hides")
WHOLE = f'whole: {CANARIES[0]}\nlines: "canary\\nof two lines"\nquiet: {CANARIES[3]}\n'


def make_setting(folder: Path) -> Setting:
    """A playbook that talks of its secrets in every way it can."""
    environment = folder / "environment"
    playbook = f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: deliver
      ansible.builtin.copy: {{content: "{{{{ whole }}}}", dest: {folder}/delivered, mode: "0600"}}
    - name: talk
      ansible.builtin.debug: {{msg: "{{{{ part }}}} {{{{ part | b64encode }}}} {{{{ lines | to_json }}}}"}}
    - name: talk of {{{{ part }}}}
      ansible.builtin.command: {{argv: [echo, "{{{{ whole }}}}", "{{{{ ('x' ~ part) | b64encode }}}}"]}}
    - name: keep quiet
      ansible.builtin.command: {{argv: [echo, "{{{{ quiet }}}}"]}}
      no_log: true
    - name: look around
      ansible.builtin.shell: cat /proc/$PPID/environ /proc/self/environ > {environment}; ps -ef >> {environment}
    - name: fail
      ansible.builtin.fail: {{msg: "because of {{{{ whole }}}}"}}
"""
    setting = Setting.make(folder, playbook)
    part = indent(encrypt(CANARIES[1]))
    files = {"group_vars/all/whole.yml": encrypt(WHOLE), "group_vars/all/part.yml": f"part: !vault |\n{part}"}
    setting.vault.commit({f"lab/{name}": text for name, text in files.items()})
    return setting


def test_a_secret_is_delivered_and_nothing_else_of_the_node_has_it(tmp_path: Path) -> None:
    setting = make_setting(tmp_path)
    setting = Setting(
        setting.key,
        setting.playbooks,
        setting.vault,
        setting.places,
        setting.settings.model_copy(update={"attempts": 1}),
    )

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        run = await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        assert (run.status, run.problem) == (RunStatus.FAILED, "because of ******** (at fail)")
        events = "\n".join(event.data for event in await node.ledger.events(run.id))
        assert "talk of ********" in events
        assert "(no_log)" in events
        assert '"stats"' in events
        assert keyholder.asked == 2, "once by Ansible, once for the redaction"

    tell(setting, story, password=PASSWORD.encode())
    assert (tmp_path / "delivered").read_text() == CANARIES[0]
    seen = (tmp_path / "environment").read_bytes()
    assert b"HOMEPROD_VAULT_NONCE" in seen, "the search is able to find"
    assert_no_canary(seen, "the environment and the process list of a task")
    for file in setting.places.persistent.parent.rglob("*"):
        if file.is_file():
            assert_no_canary(file.read_bytes(), str(file))
    assert [entry.name for entry in ROOM.iterdir() if entry.is_dir()] == []


def test_a_vault_of_another_password_is_said_and_no_text_is_told(tmp_path: Path) -> None:
    setting = make_setting(tmp_path)

    async def story(node: ControlNode, keyholder: FakeKeyholder) -> None:
        run = await wait_for(node, (await node.ledger.ring(ring(1))).run_id)
        assert run.status is RunStatus.FAILED
        assert "the vault does not decrypt: it has another password" in run.problem
        assert "group_vars/all/" in run.problem
        assert len(await node.ledger.runs()) == 1, "it is not tried again"
        assert "canary" not in "".join(event.data for event in await node.ledger.events(run.id))
        host = await node.ledger.host("lab-proxy")
        assert (host.state, host.wanted_instance, host.applied_instance) == (HostState.FAILED, "i1", "")
        keyholder.password = PASSWORD.encode()  # the repository was encrypted for it all the time
        again = await wait_for(node, (await node.ledger.retry("lab-proxy", "sean")).run_id)
        assert (again.instance, again.problem) == ("i1", "because of ******** (at fail)"), "it came to its end"
        assert (tmp_path / "delivered").read_text() == CANARIES[0]

    tell(setting, story, password=b"another password")


def assert_no_canary(content: bytes, where: str) -> None:
    for secret in (*CANARIES, PASSWORD):
        forms = (secret.encode(), base64.b64encode(secret.encode()), secret.encode().hex().encode())
        forms += (secret.encode("utf-16-le"), repr(secret)[1:-1].encode())
        assert not any(form in content for form in forms), f"{secret!r} is in {where}"
