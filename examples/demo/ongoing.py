"""`make demo-ongoing`: apps follow git, what is wrong changes nothing, and a change by hand is put right."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.apphost import ask_app, list_containers, refuses, runs, wait_for_apps
from demo.control import (
    LIMIT,
    SILENCE,
    deliver_app_secrets,
    open_repositories,
    read_state,
    wait_for_runs,
    wait_for_state,
)
from demo.entry import NAME, find_ends, find_root, open_gateway
from demo.machine import NODE
from demo.person import Person
from demo.repositories import APP_HOST, Repositories, ensure_password
from demo.stage import LAB, DemoError, Stage, tell

WELCOME, CLOCK = "welcome", "clock"
DEMO_FILE = "/etc/nginx/conf.d/demo.conf"
BY_HAND = "somebody was here"


def play_ongoing(stage: Stage) -> None:
    """Raises DemoError where `make demo` has not come to its end before."""
    if not stage.boots:
        raise DemoError("this needs machines that boot; run it as root, after make demo")
    repositories = open_repositories(stage)
    if not (repositories.apps / ".git").exists():
        raise DemoError("there is no app repository yet; first run\n\n  make demo\n")
    stage.require_ungated()
    with stage.step("the lab of make demo", "brought back where it is down"):
        bring_back(stage, repositories.keys)
    with stage.step("an app host", "by a commit: docker, the real Harbormaster, and what watches over it"):
        make_app_host(stage, repositories)
    with stage.step("apps are published", "a branch for each; lab-coder follows them"):
        publish_first(stage, repositories)
    version = f"version {time.strftime('%H:%M:%S')}"
    with stage.step("a commit", "to one app: that one is made anew, and seen from outside"):
        change_page(stage, repositories, version)
    with stage.step("an image that nobody has", "the one before serves on, and the host says so"):
        break_image(stage, repositories, version)
    with stage.step("a commit that nobody signed", "it changes nothing, and the host says so"):
        forge(stage, repositories, version)
    with stage.step("a change by hand", "seen as drift, and put right by the control node"):
        change_by_hand(stage)
    with stage.step("the page", "what a person looks at"):
        show_page(stage)
    stage.show_table()


def bring_back(stage: Stage, keys: Path) -> None:
    stage.lab("up", LAB)
    stage.apply(NODE, APP_HOST, "lab-proxy", "prod-proxy-passthrough", allowed=(0, 3))
    wait_for_state(stage, "Locked", "Ready")
    if read_state(stage) == "Locked":
        Person(stage, keys).unlock()
        wait_for_state(stage, "Ready")
    open_gateway(stage)


def make_app_host(stage: Stage, repositories: Repositories) -> None:
    deliver_app_secrets(stage)
    repositories.bring_app_play()
    stage.homeprod("configure", APP_HOST)
    wait_for_runs(stage, (APP_HOST,))


def publish(stage: Stage, repositories: Repositories, *options: str) -> dict[str, str]:
    """What each branch of lab-coder's apps is now, by the app's name."""
    stage.homeprod("apps", "publish", "--yes", *options, str(repositories.apps))
    return repositories.read_published()


def publish_first(stage: Stage, repositories: Repositories) -> None:
    stage.homeprod("apps", "lint", str(repositories.apps))
    heads = publish(stage, repositories)
    for app in (WELCOME, CLOCK):
        wait_for_apps(stage, f"{app} runs", runs(app, heads[app]))
    for app in (WELCOME, CLOCK):
        require(ask_app(stage, app)[0] == 200, f"{app} is not served outside")
    login = repositories.keys / "clock.curlrc"  # no password is an argument
    login.touch(mode=0o600)
    login.write_text(f'user = "sean:{ensure_password(repositories.keys)}"\n')
    require(ask_app(stage, CLOCK, "private/since")[0] == 401, "the clock's private page asks for no password")
    status, _ = ask_app(stage, CLOCK, "private/since", "--config", str(login))
    require(status == 200, "the clock does not take the password that came from the vault repository")
    tell("the password came from the vault repository, and lies on the host for root alone:")
    secret = stage.run_in(APP_HOST, "sean", "sudo stat -c '%U %a' /etc/homeprod/apps/clock/passwords")
    require(secret.strip() == "root 600", "others may read it")


def change_page(stage: Stage, repositories: Repositories, version: str) -> None:
    before = list_containers(stage)
    write_version(repositories, version)
    repositories.push_apps(f"welcome: {version}")
    heads = publish(stage, repositories)
    wait_for_apps(stage, f"{version} runs", runs(WELCOME, heads[WELCOME]))
    require_version(stage, version)
    after = list_containers(stage)
    anew = sorted(name for name in before if after.get(name) != before[name])
    require(anew == ["welcome-web-1"], f"made anew are {anew}, and it was a commit to welcome")
    tell("the clock's containers are the same as before")


def break_image(stage: Stage, repositories: Repositories, version: str) -> None:
    file = repositories.apps / "apps" / WELCOME / "compose.yaml"
    good = file.read_text()
    file.write_text(good.replace("busybox:1.37", "busybox:1.99"))
    repositories.push_apps("welcome: an image that nobody has")
    heads = publish(stage, repositories)
    wait_for_apps(stage, "it is late", refuses(WELCOME, "late", heads[WELCOME]))
    require_version(stage, version)
    file.write_text(good)
    repositories.push_apps("welcome: back to the image that there is")
    heads = publish(stage, repositories)
    wait_for_apps(stage, "welcome is well", runs(WELCOME, heads[WELCOME]))


def forge(stage: Stage, repositories: Repositories, version: str) -> None:
    """What is published is unsigned, as whoever breaks into the git host would; then it is put right, signed."""
    write_version(repositories, "version of a stranger")
    repositories.push_apps("welcome: by a stranger")
    heads = publish(stage, repositories, "--unsigned")
    wait_for_apps(stage, "it is refused", refuses(WELCOME, "refused", heads[WELCOME]))
    require_version(stage, version)
    write_version(repositories, version)
    repositories.push_apps("welcome: what it was")
    heads = publish(stage, repositories)
    wait_for_apps(stage, "welcome is as git says", runs(WELCOME, heads[WELCOME]))
    require_version(stage, version)


def write_version(repositories: Repositories, version: str) -> None:
    page = repositories.apps / "apps" / WELCOME / "page" / "index.html"
    text = re.sub(r"  <p>version .*</p>\n", "", page.read_text())
    page.write_text(text.replace("</html>", f"  <p>{version}</p>\n</html>"))


def require_version(stage: Stage, version: str) -> None:
    """Outside."""
    status, page = ask_app(stage, WELCOME)
    require(status == 200 and version in page, f"outside there is not {version}")


def change_by_hand(stage: Stage) -> None:
    if read_drift(stage)["drift"] != 0:  # or nobody has looked yet
        stage.homeprod("control", "check", APP_HOST)
        wait_for_drift(stage, "nothing differs", lambda drift: drift == 0)
    stage.run_in(
        APP_HOST,
        "sean",
        f"""sudo sed -i 's/"service":"demo"/"service":"{BY_HAND}"/' {DEMO_FILE} && sudo systemctl reload nginx""",
    )
    require(ask_demo(stage) == BY_HAND, "the change by hand is not seen outside")
    stage.homeprod("control", "check", APP_HOST)
    wait_for_drift(stage, "the change is seen", lambda drift: drift > 0)
    stage.homeprod("drift", APP_HOST, allowed=(2,))
    tell("the environment's policy is to converge, so the node puts it right by itself")
    wait_for_drift(stage, "a check after the run finds nothing", lambda drift: drift == 0)
    require(ask_demo(stage) == "demo", "it was not put right")
    stage.homeprod("runs", "--host", APP_HOST, "--limit", "5")


def read_drift(stage: Stage) -> dict[str, Any]:
    [host] = json.loads(stage.ask_any("drift", APP_HOST, "--json"))["hosts"]
    return dict(host)


def wait_for_drift(stage: Stage, words: str, wanted: Callable[[int], bool]) -> None:
    """By a check that ended after now."""
    asked, began, told = time.time(), time.monotonic(), 0.0
    while True:
        host = read_drift(stage)
        if host["drift"] is not None and host["checked"] > asked and wanted(host["drift"]):
            break
        passed = time.monotonic() - began
        if passed > LIMIT:
            raise DemoError(f"not within {LIMIT:.0f} s: {words}; the node says {host}")
        if passed - told > SILENCE:
            told = passed
            tell(f"  {words}: not yet, {told:.0f} s")
        time.sleep(10)
    tell(f"  {words}, after {time.monotonic() - began:.0f} s")


def ask_demo(stage: Stage) -> str:
    """Who answers outside under the demo's name."""
    where = ("--cacert", str(find_root(stage, "lab")), "--resolve", f"{NAME}:443:{find_ends()[0]}")
    return str(json.loads(stage.ask_from_outside(f"https://{NAME}/", *where))["service"])


def show_page(stage: Stage) -> None:
    """Looked at once by us, from lab-proxy; the link that is printed afterwards is the person's."""
    stage.homeprod("status")
    link = json.loads(stage.ask("control", "page", "--json"))["link"]
    curl = "curl --silent --insecure --location --cookie '' --config -"
    page = stage.read_in("lab-proxy", "sean", curl, given=f'url = "{link}"\n')
    for name in (NODE, APP_HOST, "lab-proxy"):
        require(name in page, f"the page says nothing of {name}")
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    tell(f"the page is there, {len(page)} bytes: {title[1].strip() if title else 'without a title'}")
    stage.homeprod("control", "page")


def require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise DemoError(otherwise)
