"""Git servers that are down, hang, or have nothing: bounded work, and clear words. No docker."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from homeprod_apps.backoff import (
    LONGEST,
    Backoff,
)
from homeprod_apps.belief import (
    follow,
)
from homeprod_apps.mirror import (
    Mirror,
    open_mirror,
)
from homeprod_apps.problem import (
    UnreachedError,
)
from homeprod_apps.remote import (
    Remotes,
)
from homeprod_apps.settings import (
    Policy,
    Settings,
)
from tests.kept_host import Repository, make_key

DAY = 24 * 60
BRANCH = "deploy/lab-coder/wiki"
Figure = Callable[[str], None]


class Setting:
    """A host's settings, its memory of servers, and a clock of the test's own."""

    def __init__(self, folder: Path, url: str, **more: object) -> None:
        policy = Policy(signers=str(folder / "signers"))
        given = {"protocols": ("git", "file"), "folder": folder, "policy": policy, **more}
        self.settings = Settings("lab-coder", url, **given)  # type: ignore[arg-type]  # as said there
        self.mirror: Mirror = open_mirror(folder / "mirrors", "wiki", url, BRANCH)
        self.memory: dict[str, Backoff] = {}
        self.now = 1e9

    def make_remotes(self, *, insists: bool = False) -> Remotes:
        return Remotes(self.settings, self.memory, lambda: self.now, insists=insists)

    def follow(self) -> str:
        """What is believed after a cycle."""
        return follow(self.mirror, self.make_remotes(), self.settings).commit


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_server_that_is_down_for_a_day_costs_little(tmp_path: Path, figure: Figure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    setting = Setting(tmp_path, f"git://127.0.0.1:{port}/apps.git")
    asked = 0
    for _ in range(DAY):
        remotes = setting.make_remotes()
        with pytest.raises(UnreachedError, match="the git server does not answer: "):
            remotes.look(setting.mirror)
        asked += remotes.asked
        setting.now += 60
    figure(f"app_host: a git server that is down for a day, asked about every minute: {asked} connections")
    assert DAY * 60 / LONGEST - 2 <= asked <= DAY * 60 / LONGEST + 6
    assert setting.memory[setting.mirror.url].failures == asked
    remotes = setting.make_remotes(insists=True)
    belief = follow(setting.mirror, remotes, setting.settings)
    assert remotes.asked == 1, "a person who asks is not put off"
    assert (belief.commit, type(belief.problem)) == ("", UnreachedError)


def test_what_was_published_while_a_server_was_down_for_a_day_is_taken_when_it_is_back(
    tmp_path: Path, figure: Figure
) -> None:
    key = make_key(tmp_path / "key")
    repository = Repository(tmp_path / "apps.git", key)
    (tmp_path / "signers").write_text(f"zoe {Path(f'{key}.pub').read_text()}")
    good = repository.publish(BRANCH, {"a": "a"})
    setting = Setting(tmp_path, f"file://{tmp_path}/apps.git")
    assert setting.follow() == good
    newer = repository.publish(BRANCH, {"a": "b"})
    (tmp_path / "apps.git").rename(tmp_path / "down.git")
    for _ in range(int(DAY * 60 / LONGEST)):
        setting.now += LONGEST
        assert setting.follow() == good, "what runs goes on"
    (tmp_path / "down.git").rename(tmp_path / "apps.git")
    minutes = 0
    while setting.follow() != newer:
        setting.now += 60
        minutes += 1
    figure(f"app_host: a git server is back after a day: what was published is taken at most {minutes} min later")
    assert minutes * 60 <= LONGEST
    assert setting.memory == {}


def test_a_server_that_hangs_is_given_up(tmp_path: Path, listener: socket.socket) -> None:
    url = f"git://127.0.0.1:{listener.getsockname()[1]}/apps.git"
    setting = Setting(tmp_path, url, fetch_seconds=0.3)
    belief = follow(setting.mirror, setting.make_remotes(), setting.settings)
    assert belief.problem is not None
    assert belief.problem.message == "the git server does not answer: git did not end within 0 s"
    remotes = setting.make_remotes()
    follow(setting.mirror, remotes, setting.settings)
    assert remotes.asked == 0


def test_a_clock_that_was_set_back_makes_nobody_wait(tmp_path: Path) -> None:
    setting = Setting(tmp_path, "git://127.0.0.1:1/apps.git")
    follow(setting.mirror, setting.make_remotes(), setting.settings)
    setting.now -= DAY * 60
    remotes = setting.make_remotes()
    follow(setting.mirror, remotes, setting.settings)
    assert remotes.asked == 1


def test_nothing_is_there(tmp_path: Path) -> None:
    setting = Setting(tmp_path, f"file://{tmp_path}/none.git")
    assert told(setting) == "there is no repository at that address"
    Repository(tmp_path / "empty.git")
    setting = Setting(tmp_path, f"file://{tmp_path}/empty.git")
    assert told(setting) == f"there is no branch {BRANCH}"


def test_a_protocol_that_is_not_allowed(tmp_path: Path) -> None:
    Repository(tmp_path / "apps.git")
    setting = Setting(tmp_path, f"file://{tmp_path}/apps.git", protocols=("ssh",))
    assert told(setting) == "its protocol is not allowed here"


def test_what_is_too_large_is_broken_off(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    repository = Repository(tmp_path / "apps.git", key)
    (tmp_path / "signers").write_text(f"zoe {Path(f'{key}.pub').read_text()}")
    good = repository.publish(BRANCH, {"a": "a"})
    setting = Setting(tmp_path, f"file://{tmp_path}/apps.git", fetch_bytes=100_000)
    assert follow(setting.mirror, setting.make_remotes(), setting.settings).commit == good
    text = "".join(f"{number * 7919 % 1000003:x}" for number in range(60_000))
    repository.publish(BRANCH, {"a": "a", "b": text})
    belief = follow(setting.mirror, setting.make_remotes(), setting.settings)
    assert belief.commit == good
    assert belief.problem is not None
    assert belief.problem.message == "it is larger than allowed"
    open_mirror(tmp_path / "mirrors", "wiki", setting.mirror.url, BRANCH)
    assert not list((setting.mirror.folder / "objects").glob("**/tmp_*"))


def told(setting: Setting) -> str:
    belief = follow(setting.mirror, setting.make_remotes(), setting.settings)
    assert belief.problem is not None
    assert not belief.commit
    return belief.problem.message


def test_many_apps_of_a_repository_are_asked_for_at_once(tmp_path: Path) -> None:
    Repository(tmp_path / "apps.git")
    setting = Setting(tmp_path, f"file://{tmp_path}/apps.git")
    remotes = setting.make_remotes()
    for number in range(5):
        name = f"app{number}"
        mirror = open_mirror(tmp_path / "mirrors", name, setting.mirror.url, f"deploy/lab-coder/{name}")
        follow(mirror, remotes, setting.settings)
    assert remotes.asked == 1
