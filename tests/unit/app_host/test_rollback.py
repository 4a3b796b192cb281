"""A revision that is not well: back to the one that was, and not tried again until its branch moves."""

from __future__ import annotations

from tests.kept_host import KeptHost, compose

ENDS = compose(command=["false"], restart="no")
STARTS_WRONG = compose(command=["nonexistent"])
SICK = compose(healthcheck={"test": ["CMD", "false"], "interval": "0.2s", "retries": 1, "timeout": "5s"})


WRONG = {
    "web is exited (1)": ENDS,
    "Could not start": STARTS_WRONG,
    "web is running, unhealthy": SICK,
}  # fmt: skip


def test_back_to_what_was_well(host: KeptHost) -> None:
    host.settings["settle_seconds"] = 0.8
    good = host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    for why, files in WRONG.items():
        bad = host.publish("wiki", files)
        wiki = host.run(1)["apps"]["wiki"]
        assert (wiki["state"], wiki["wanted"], wiki["applied"]) == ("rolled back", bad, good)
        assert why in wiki["problem"]
        assert host.list_running().keys() == {"wiki-web-1"}
    before = host.list_running()
    assert host.run(1)["apps"]["wiki"] == wiki, "the next run does not bring it back"
    assert host.list_running() == before
    better = host.publish("wiki", compose(note="better"))
    assert host.run()["apps"]["wiki"]["applied"] == better


def test_where_there_is_nothing_to_go_back_to(host: KeptHost) -> None:
    bad = host.publish("wiki", SICK)
    host.configure({"wiki": {}})
    wiki = host.run(1)["apps"]["wiki"]
    assert (wiki["state"], wiki["applied"]) == ("unhealthy", bad)


def test_a_configuration_that_makes_it_sick_goes_back_alone(host: KeptHost) -> None:
    """Of the two apps whose lines changed, the one that is well keeps its new ones."""
    health = {"test": ["CMD", "sh", "-c", "[ $$WORD != bad ]"], "interval": "0.2s", "retries": 1, "timeout": "9s"}
    text = compose(environment={"WORD": "${WORD:-none}"}, healthcheck=health)
    for name in ("wiki", "clock"):
        host.publish(name, text)
    host.configure({"wiki": {}, "clock": {}})
    host.run()
    host.configure({"wiki": {"environment": {"WORD": "bad"}}, "clock": {"environment": {"WORD": "good"}}})
    status = host.run(1)
    assert {name: part["state"] for name, part in status["apps"].items()} == {
        "wiki": "rolled back",
        "clock": "current",
    }
    words = [host.machine.inspect(f"{name}-web-1")["Config"]["Env"] for name in ("wiki", "clock")]
    assert ["WORD=none" in words[0], "WORD=good" in words[1]] == [True, True]
