"""Secrets lie on the host, are named by their paths, and are told nowhere."""

from __future__ import annotations

from tests.kept_host import KeptHost, compose

CANARY = "hunter2-canary"


def test_a_secret_reaches_its_app_and_a_new_one_restarts_it(host: KeptHost) -> None:
    write(host, "wiki/app.env", f"PASSWORD={CANARY}\n")
    host.publish("wiki", compose(env_file=[f"{host.inside}/secrets/wiki/app.env"]))
    host.publish("clock", compose())
    host.configure({"wiki": {}, "clock": {}})
    host.run()
    before = host.list_running()
    assert f"PASSWORD={CANARY}" in host.machine.inspect("wiki-web-1")["Config"]["Env"]
    host.run()
    assert host.list_running() == before
    write(host, "wiki/app.env", "PASSWORD=another\n")
    host.run()
    after = host.list_running()
    assert "PASSWORD=another" in host.machine.inspect("wiki-web-1")["Config"]["Env"]
    assert [name for name in before if before[name] != after[name]] == ["wiki-web-1"]
    expect_untold(host)


def test_what_compose_shows_of_a_file_that_it_does_not_understand_is_not_told(host: KeptHost) -> None:
    write(host, "wiki/app.env", f"PASS WORD=1\n{CANARY}\nOTHER='{CANARY}\n")
    host.publish("wiki", compose(env_file=[f"{host.inside}/secrets/wiki/app.env"]))
    host.configure({"wiki": {}})
    wiki = host.run(1)["apps"]["wiki"]
    assert wiki["problem"].startswith("compose does not take it: ")
    expect_untold(host)


def write(host: KeptHost, name: str, text: str) -> None:
    file = host.folder / "secrets" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def expect_untold(host: KeptHost) -> None:
    """Neither by the program nor in any file that it keeps."""
    assert CANARY not in host.said
    kept = [file for file in (host.folder / "kept").rglob("*") if file.is_file()]
    assert len(kept) > 5
    assert not [file for file in kept if CANARY.encode() in file.read_bytes()]
