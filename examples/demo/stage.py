"""The stage: the demo's copy of the site, its keys, and the program run as a person would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.machine import Prospect

from homeprod.lab.folder import find_folder, labs_folder
from homeprod.site.configured import list_gated
from homeprod.site.loader import load_site
from homeprod.wiring import open_cluster

LAB = "demo"
EXAMPLE = Path(__file__).parents[1] / "pegasus"
PROGRAM = Path(sys.executable).with_name("homeprod")
USERS = ("ops", "sean")


class DemoError(Exception):
    """A step failed; its own words were shown."""


def replace_once(file: Path, *changes: tuple[str, str]) -> None:
    """All of them or none, each where it is not made yet. Raises DemoError where what is to go does not stand there
    once."""
    text = file.read_text()
    for before, after in changes:
        if after not in text and text.count(before) != 1:
            raise DemoError(f"{file} has not once: {before.strip()}")
        text = text if after in text else text.replace(before, after)
    file.write_text(text)


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Stage:
    """``began`` by the monotonic clock."""

    began: float
    boots: bool
    times: list[tuple[str, float]] = field(default_factory=list)

    @property
    def site(self) -> Path:
        return labs_folder().parent / "demo" / "pegasus"

    @contextmanager
    def step(self, title: str, remark: str = "") -> Iterator[None]:
        start = time.monotonic()
        passed = int(start - self.began)
        heading = f"{title}: {remark}" if remark else title
        tell(f"\n== {len(self.times) + 1}. {heading}  [{passed // 60}:{passed % 60:02}]")
        yield
        self.times.append((title, time.monotonic() - start))

    def prepare_site(self) -> None:
        """A copy of the example, the same on every run while its keys are there."""
        if self._has_keys() and self.site.exists():
            return
        shutil.rmtree(self.site.parent, ignore_errors=True)
        # The example's keys are nobody's: the demo's control node makes its own.
        shutil.copytree(EXAMPLE, self.site, ignore=shutil.ignore_patterns("__pycache__", "keys"))
        # No public authority answers in a lab, so the site's own signs for every name; and the home's other machines
        # are not there, so lab-coder's service stands in for theirs.
        entry = self.site / "modules" / "_entry.py"
        text = entry.read_text().replace('by="dns-01"', 'by="site-ca"')
        entry.write_text(re.sub(r'"http://(gitea-green|coder-blue):\d+"', '"http://lab-coder:8080"', text))
        tell(f"a copy of examples/pegasus is in {self.site}")

    def _has_keys(self) -> bool:
        return all((find_folder(LAB).keys / user).exists() for user in USERS)

    def make_keys(self) -> None:
        """Private halves into the lab's folder (0600), where `lab down --disks` takes them away; public ones into the
        copy of the site."""
        if self._has_keys():
            return
        keys = find_folder(LAB).keys
        keys.mkdir(mode=0o700, exist_ok=True)
        config = self.site / "modules" / "_config.py"
        text = config.read_text()
        for user in USERS:
            for file in (keys / user, keys / f"{user}.pub"):
                file.unlink(missing_ok=True)
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{user}@demo", "-f", str(keys / user))
            subprocess.run(command, check=True)
            public = (keys / f"{user}.pub").read_text().strip()
            text, count = re.subn(rf'"ssh-ed25519 \S+ {user}@pegasus"', f'"{public}"', text)
            if count != 1:
                raise DemoError(f"the example has no key of {user}")
        text, count = re.subn("# Example keys: .*", f"# The demo's keys: their private halves are in {keys}.", text)
        if count != 1:
            raise DemoError("the example does not say whose its keys are")
        text, count = re.subn(r'"git\.home\S+ ssh-ed25519 \S+"', f'"{self.read_git_key()}"', text)
        if count != 1:
            raise DemoError("the example has no host key of its git server")
        config.write_text(text)
        tell(f"fresh keys for {', '.join(USERS)} are in {keys}")

    def require_ungated(self) -> None:
        """Raises DemoError where `make demo-promotion` has been, since what others bring to prod is held then."""
        if list_gated(load_site(self.site)):
            raise DemoError(
                "make demo-promotion has put a gate before prod, and this chapter comes before it; begin anew:\n\n"
                f"  homeprod lab down {LAB} --disks\n  rm -r {self.site.parent}\n  make demo\n"
            )

    def read_git_key(self) -> str:
        """The host key of the lab's git server, as a line of known_hosts; any, where nothing is booted."""
        if not self.boots:
            return (find_folder(LAB).keys / "ops.pub").read_text().replace("ssh-", "git.invalid ssh-", 1).strip()
        return self.ask("lab", "repository", "hostkey", LAB).strip()

    def homeprod(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> None:
        """Show the command, run it, its output going where ours goes. Raises DemoError."""
        self._run(["--site", str(self.site), "--lab", LAB, *arguments], allowed)

    def lab(self, *arguments: str) -> None:
        self._run(["--site", str(self.site), "lab", *arguments], (0,))

    def _run(self, arguments: list[str], allowed: tuple[int, ...]) -> None:
        tell(f"$ homeprod {' '.join(arguments)}")
        with subprocess.Popen([str(PROGRAM), *arguments]) as program:
            try:
                code = program.wait()
            except BaseException:
                program.terminate()  # like one Ctrl-C: it ends what is under way, then goes
                program.wait()
                raise
        if code not in allowed:
            raise DemoError(f"`homeprod {' '.join(arguments)}` ended with {code}")

    def apply(self, *names: str, allowed: tuple[int, ...] = (0,)) -> None:
        """All of the site where no machine is named."""
        only = [word for name in names for word in ("--only", name)]
        waiting = ["--wait-limit", "1200"] if self.boots else ["--no-wait"]
        self.homeprod("apply", "--yes", "--start", *waiting, *only, allowed=allowed)

    def plan(self, *names: str) -> None:
        """Nothing may be left to do for these."""
        self.homeprod("plan", *(word for name in names for word in ("--only", name)))

    def ask(self, *arguments: str) -> str:
        """What the program prints. Raises DemoError."""
        command = [str(PROGRAM), "--site", str(self.site), "--lab", LAB, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise DemoError(f"`homeprod {' '.join(arguments)}` ended with {done.returncode}")
        return done.stdout

    def ask_any(self, *arguments: str) -> str:
        """What the program prints, whatever its exit code says; its complaints are not shown."""
        command = [str(PROGRAM), "--site", str(self.site), "--lab", LAB, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        return done.stdout

    def run_in(self, name: str, user: str, command: str, *, given: str = "") -> str:
        """What a command in a machine prints; ``given`` is its standard input. Raises DemoError."""
        tell(f"$ homeprod lab ssh --user {user} {LAB} {name} {command}")
        said = self.read_in(name, user, command, given=given)
        tell("\n".join(f"  {line}" for line in said.splitlines()))
        return said

    def read_in(self, name: str, user: str, command: str, *, given: str = "") -> str:
        """The same, with nothing shown."""
        argv = [str(PROGRAM), "lab", "ssh", "--user", user, LAB, name, command]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, input=given)
        if done.returncode:
            raise DemoError(f"in {name}, `{command}` ended with {done.returncode}")
        return done.stdout

    def ask_from_outside(self, url: str, *options: str) -> str:
        """What curl prints, as a client outside the lab. Raises DemoError."""
        words = ["curl", "--silent", "--show-error", "--max-time", "60", *options, url]
        tell(f"$ homeprod lab outside {LAB} {' '.join(words)}")
        done = subprocess.run(
            [str(PROGRAM), "lab", "outside", LAB, *words], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise DemoError(f"{url} gave no answer outside ({done.returncode})")
        tell(f"  {done.stdout.strip()}")
        return done.stdout

    def log_in(self, name: str, user: str) -> None:
        said = self.run_in(name, user, "echo $(hostname), $(id -un), up $(cut -d. -f1 /proc/uptime) s")
        if not said.startswith(f"{name}, {user},"):
            raise DemoError(f"{name} answered {said.strip()!r}")

    def make_room(self, prospect: Prospect, batch: dict[str, str]) -> None:
        """Where not all machines fit into memory at once, shut these down before the next come."""
        if len(prospect.batches) == 1:
            return
        site = load_site(self.site)
        tell(f"shutting down {', '.join(batch)}, to make room")
        with closing(open_cluster(site, lab=LAB)) as cluster:
            node = site.config.cluster.node
            vmids = [site.vmid(site.machines[name].machine) for name in batch]
            for task in [cluster.shutdown_machine(node, vmid, timeout=180) for vmid in vmids]:
                cluster.wait(task)

    def show_table(self) -> None:
        total = time.monotonic() - self.began
        tell("\n== done\n")
        width = max(len(title) for title, _ in self.times)
        for title, seconds in self.times:
            tell(f"  {title.ljust(width)}  {seconds:6.1f} s")
        tell(f"  {'in all'.ljust(width)}  {total:6.1f} s  ({total / 60:.1f} minutes)\n")
        self.homeprod("status")
        program = os.path.relpath(PROGRAM) if PROGRAM.is_relative_to(Path.cwd()) else str(PROGRAM)
        login = f"  {program} lab ssh --user sean {LAB} lab-coder\n" if self.boots else ""
        tell(
            "\nthe lab is still up. What to try next:\n\n"
            f"{login}"
            f"  edit {self.site}/modules/lab_coder_vm.py (memory=3 * GiB), then\n"
            f"  {program} --site {self.site} --lab {LAB} plan\n"
            f"  make demo-entry        # names of every kind from outside, and a route that is changed\n"
            f"  make demo-ongoing      # apps by git, and a change by hand that is put right\n"
            f"  make demo-promotion    # a change that is tried before prod has it, and a roll-back\n"
            f"  make demo-control      # the control node rebooted, locked, unlocked, made again\n"
            f"  {program} init my-site\n"
            f"  {program} lab down {LAB} --disks      # takes the lab away; the copy of the site stays:\n"
            f"  rm -r {self.site.parent}\n"
        )
