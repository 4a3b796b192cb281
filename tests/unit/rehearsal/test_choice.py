"""Which machines are rehearsed, and why others are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.rehearsal.home import EXAMPLES

from homeprod.core.errors import PromotionError, UsageError
from homeprod.core.tree import Tree
from homeprod.drivers.playbooks import Step
from homeprod.promotion.affected import Affected
from homeprod.promotion.closure import Closure, Revision
from homeprod.rehearsal.choice import Choice, UnaffectedError, choose_environment, choose_subjects
from homeprod.site.loader import load_site
from homeprod.site.machine import Environment
from homeprod.site.people import Person
from homeprod.site.promotion import Promotion
from homeprod.site.site import Site

PEGASUS = load_site(EXAMPLES / "pegasus")
DIGEST = "d" * 64
_NOTHING = Revision(Tree({}), Tree({}))
STEP = Step("a" * 40, "b" * 40, (_NOTHING, _NOTHING))


def affect(*hosts: str, environment: str = "prod") -> list[Affected]:
    return [Affected(host, environment, "0" * 64, DIGEST, ("x is changed",)) for host in hosts]


def choose(affected: list[Affected], *names: str, site: Site = PEGASUS, before: tuple[str, ...] = ()) -> Choice:
    after = {host: Closure(host, "prod", {"x": host}) for host in ("prod-proxy", "prod-proxy-passthrough", "gone")}
    return choose_subjects(site, choose_environment(site, ""), affected, after, before, names, STEP)


def list_names(choice: Choice) -> list[str]:
    return [one.name for one in choice.subjects]


def give(site: Site, name: str, **values: object) -> Site:
    """The same site with another value for a machine."""
    declared = site.machines[name]
    machine = declared.machine.model_copy(update=values)
    return replace(site, machines={**site.machines, name: replace(declared, machine=machine)})


def test_the_environment_is_the_one_that_waits_for_another() -> None:
    assert choose_environment(PEGASUS, "").name == "prod"
    assert choose_environment(PEGASUS, "lab").name == "lab"


def test_a_gate_goes_before_all_others_that_wait() -> None:
    lab = PEGASUS.machines["lab-proxy"].machine.environment
    gated = Environment(name="prod", control_node="lab-ansible", after=lab, promotion=Promotion())
    stage = Environment(name="stage", control_node="lab-ansible", after=lab)
    site = give(give(PEGASUS, "prod-proxy", environment=stage), "prod-proxy-passthrough", environment=gated)
    with pytest.raises(UsageError, match="several environments that wait"):
        choose_environment(give(site, "prod-proxy-passthrough", environment=lab), "")
    machines = {name: one for name, one in site.machines.items() if not name.startswith("prod-ansible")}
    assert choose_environment(replace(site, machines=machines), "") is gated


def test_which_environment_is_meant_must_be_clear() -> None:
    with pytest.raises(UsageError, match="no environment 'pord'") as caught:
        choose_environment(PEGASUS, "pord")
    assert caught.value.hint == "is prod meant?"
    plain = Environment(name="prod", control_node="lab-ansible")
    machines = {name: one for name, one in PEGASUS.machines.items() if one.machine.environment.name != "prod"}
    alone = replace(PEGASUS, machines=machines)
    with pytest.raises(UsageError, match="no environment that waits"):
        choose_environment(alone, "")
    loose = give(alone, "lab-proxy", environment=plain.model_copy(update={"control_node": ""}))
    with pytest.raises(UsageError, match="no control node configures the machines of prod"):
        choose_environment(loose, "prod")


def test_affected_machines_of_the_environment_are_chosen() -> None:
    affected = [*affect("prod-proxy", "prod-proxy-passthrough"), *affect("lab-proxy", environment="lab")]
    choice = choose(affected, before=("prod-proxy",))
    assert [(one.name, one.digest, one.is_new) for one in choice.subjects] == [
        ("prod-proxy", DIGEST, False),
        ("prod-proxy-passthrough", DIGEST, True),
    ]
    assert choice.skipped == ()


def test_one_that_a_counterpart_is_tried_for_is_left_out_unless_it_is_named() -> None:

    for counterpart in ("lab-proxy", PEGASUS.machines["lab-proxy"].machine):
        site = give(PEGASUS, "prod-proxy", counterpart=counterpart)
        choice = choose(affect("prod-proxy", "prod-proxy-passthrough"), site=site)
        assert list_names(choice) == ["prod-proxy-passthrough"]
        assert [(one.name, one.why) for one in choice.skipped] == [
            ("prod-proxy", "its counterpart lab-proxy is tried for it")
        ]
        assert list_names(choose(affect("prod-proxy"), "prod-proxy", site=site)) == ["prod-proxy"]
        with pytest.raises(PromotionError, match="no machine of prod is left to rehearse") as caught:
            choose(affect("prod-proxy"), site=site)
        assert "  prod-proxy: its counterpart lab-proxy is tried for it\n" in caught.value.hint
        assert caught.value.hint.endswith("\n  homeprod rehearse --to prod bbbbbbbbbbbb prod-proxy")


def test_nothing_that_is_affected_is_said() -> None:
    with pytest.raises(UnaffectedError, match="no machine of prod is affected") as caught:
        choose(affect("lab-proxy", environment="lab"))
    assert caught.value.hint == "see who is:\n\n  homeprod affected aaaaaaaaaaaa..bbbbbbbbbbbb"
    left = [Affected("prod-proxy", "prod", "0" * 64, None, ("it is not in the inventory any more",))]
    with pytest.raises(UnaffectedError, match="no machine of prod is affected"):
        choose(left)


def test_a_machine_of_another_environment_is_said_with_what_tries_it() -> None:
    with pytest.raises(UsageError, match="it belongs to lab, not to prod") as caught:
        choose([], "lab-proxy")
    assert "\n  homeprod promote bbbbbbbbbbbb --to lab" in caught.value.hint


def test_one_that_the_site_does_not_know_is_left_out_with_a_word() -> None:
    choice = choose(affect("gone", "prod-proxy"))
    assert list_names(choice) == ["prod-proxy"]
    assert choice.skipped[0].why == "the site has no such machine: is your clone of it behind?"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("prod-porxy", "the site has no machine 'prod-porxy'"),
        ("lab-proxy", "it belongs to lab, not to prod"),
        ("prod-ansible", "none of its people is a ControlUser"),
        ("prod-ansible-data", "it is a data VM"),
    ],
)
def test_a_name_that_cannot_be_rehearsed_is_said(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(affect("prod-proxy"), name)


def test_what_has_no_definition_or_no_address_is_left_out() -> None:
    with pytest.raises(UsageError, match="it has its address from DHCP"):
        choose([], "prod-proxy", site=give(PEGASUS, "prod-proxy", dhcp=True))
    people = (Person(name="sean", keys=("ssh-ed25519 AAAA",)),)
    with pytest.raises(UsageError, match="no control node configures it"):
        choose([], "prod-proxy", site=give(PEGASUS, "prod-proxy", people=people))


def test_a_name_that_the_revision_does_not_know_is_said() -> None:
    site = give(PEGASUS, "lab-coder", environment=PEGASUS.machines["prod-proxy"].machine.environment)
    with pytest.raises(PromotionError, match="the inventory at the revision has no host lab-coder"):
        choose([], "lab-coder", site=site)
