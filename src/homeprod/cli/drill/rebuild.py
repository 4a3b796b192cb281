"""``homeprod drill rebuild``: machines destroyed but for their data disks, made again from git, and proven to serve.

Nothing of it is kept on this machine: how far it came is read from Proxmox, so that the same command goes on.
"""

from __future__ import annotations

import argparse
import shlex
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.drill.agreement import agree
from homeprod.cli.drill.building import Builder
from homeprod.cli.drill.choice import check_place, choose_machines
from homeprod.cli.drill.comparison import compare, note_instances
from homeprod.cli.drill.configuring import Configuring, choose_hosts
from homeprod.cli.drill.logbook import Logbook, StoppedError
from homeprod.cli.drill.losses import describe_losses
from homeprod.cli.drill.report import check_out, keep_report, make_report, show_report
from homeprod.cli.drill.serving import Serving, choose_app_hosts, list_kept_hosts, read_lines, walk_expectations
from homeprod.cli.drill.sight import Sight, look
from homeprod.cli.drill.unlocking import await_ready
from homeprod.cli.interruption import end_as_interrupted
from homeprod.cli.lease import await_turn, take_turn
from homeprod.core.errors import HomeprodError, StalePlanError
from homeprod.drivers.git import read_commit
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.drill import drop_note
from homeprod.engine.lease import Seen
from homeprod.engine.read import read_actual
from homeprod.site.configured import find_control
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import DeclaredMachine, Site

_NOT_BOOTED = "this lab boots nothing"


def rebuild(options: argparse.Namespace) -> int:
    """0 proven, 1 something failed or differs, 3 made again and something could not be asked."""
    site = load_site(find_root(options.site))
    boots = check_place(options)
    chosen = choose_machines(site, options)
    check_out(options.out)
    options.at = None
    log = Logbook()
    with closing(connect(site, options)) as cluster, end_as_interrupted():
        drill = _Drill(site, cluster, options, chosen, Builder(site, cluster, options, log, boots))
        return drill.run()


class _Drill:
    """One drill, from the first look to its report."""

    def __init__(
        self,
        site: Site,
        cluster: ProxmoxHypervisor,
        options: argparse.Namespace,
        chosen: list[DeclaredMachine],
        builder: Builder,
    ) -> None:
        self.site, self.cluster, self.options = site, cluster, options
        self.chosen, self.names = chosen, [one.name for one in chosen]
        self.builder, self.log, self.boots = builder, builder.log, builder.boots
        self.heard: dict[str, float] = {}

    def run(self) -> int:
        """Raises HomeprodError where nothing was destroyed, KeyboardInterrupt where somebody asked to stop."""
        leased = await_turn(self.site, self.cluster, self.options)
        with self.log.count("look"):
            seen = self._look()
            if seen.is_untouched and self.boots:
                self._check_serving()
        self._show(seen)
        agree(self.site, seen, self.options)
        try:
            self._play(seen, leased)
        except StoppedError:
            self._say_next()
        except KeyboardInterrupt:
            render.say("\ninterrupted; there is no state file: how far it came is read from Proxmox")
            self._say_next()
            raise
        report = make_report(self.site, self.options, self.log, seen.note, is_resumed=seen.is_resumed)
        show_report(report, self.options)
        if self.options.out is not None:
            keep_report(report, self.options.out)
        return report.exit_code

    def _look(self) -> Sight:
        return look(self.site, self.cluster, self.chosen, self.options, boots=self.boots)

    def _check_serving(self) -> None:
        """What does not serve before proves nothing afterwards. Raises HomeprodError."""
        wrong = [one for one in walk_expectations(self.site, self.options) if one.problem]
        for one in wrong:
            render.say(f"{one.url} from {one.origin}: {one.problem}")
        if wrong:
            count = f"{len(wrong)} of the site's expectations" if len(wrong) > 1 else "an expectation of the site's"
            hint = "put that right first, or take it out of the Entry:\n\n  homeprod route test --live"
            raise HomeprodError(f"{count} is not met before the drill (above); nothing was done", hint=hint)
        kept = {one.name: one for one in list_kept_hosts(self.chosen)}
        lines = read_lines(self.site, self.cluster, self.options, kept)
        self.heard = {name: line.apps.heard for name, line in lines.items() if line.apps is not None}

    def _show(self, seen: Sight) -> None:
        """Talk where the report is for machines."""
        tell = render.say if self.options.json else render.print_line
        where = f"the lab {self.options.lab}" if self.options.lab else "its own cluster"
        commit = read_commit(self.site.root)
        tell(f"a drill of {self.site.config.name} on {where}{f', from its commit {commit}' if commit else ''}")
        for line in describe_losses(self.site, seen):
            tell(line)
        if commit.endswith("+"):
            render.say("note: something of the site is not committed: that it comes back from git is not shown then")
        elif not commit:
            render.say("note: the site is in no git: what is shown is that it comes back from this folder")

    def _play(self, seen: Sight, leased: Seen | None) -> None:
        """Raises StoppedError, KeyboardInterrupt."""
        self.log.before = dict(seen.note.machines)
        with (
            self.log.phase("destroy", ", ".join(address.name for address in seen.doomed) or "nothing more"),
            take_turn(self.site, self.cluster, self.options, leased) as turn,
        ):
            if not turn.is_fresh and not self._look().is_same(seen):
                words = "somebody else was at work on this site meanwhile; nothing was destroyed"
                raise StalePlanError(words, hint="look at it again, and repeat the command:\n\n  homeprod plan")
            self.builder.destroy(seen, turn)
        unrung = self._create(seen)
        if self.boots:
            self._configure(unrung)
            self._serve()
        else:
            self.log.left_out |= dict.fromkeys(("unlock", "configure", "serve"), _NOT_BOOTED)
            self.log.unproven.append(f"{_NOT_BOOTED}, so nothing was configured, and nobody asked what it serves")
        with self.log.phase("compare", "data disks, keyrings, the plan"):
            compare(self.builder, seen, self.names)
            with take_turn(self.site, self.cluster, self._unbroken()) as turn:
                drop_note(turn.hypervisor, self.site)

    def _unbroken(self) -> argparse.Namespace:
        return argparse.Namespace(**{**vars(self.options), "break_lease": False})

    def _create(self, seen: Sight) -> dict[str, str]:
        """Control nodes first: whoever is made after them is handed over at once."""
        nodes = [one.name for one in self.chosen if find_control(one.machine)]
        others = [name for name in self.names if name not in nodes]
        if nodes:
            with self.log.phase("create", ", ".join(nodes)):
                self.builder.make(nodes)
        if self.boots:
            for node in seen.keepers:
                with self.log.phase("unlock", node):
                    await_ready(self.site, self.cluster, node, self.options.lab, self.options.wait)
        if not seen.keepers:
            self.log.left_out["unlock"] = "there is no control node to be Ready for these"
        if not others:
            return {}
        with self.log.phase("create", ", ".join(others)):
            return self.builder.make(others)

    def _configure(self, unrung: dict[str, str]) -> None:
        hosts = choose_hosts(self.chosen)
        if not hosts:
            self.log.left_out["configure"] = "no control node configures these"
            return
        with self.log.phase("configure", ", ".join(hosts)):
            instances = note_instances(self.builder, read_actual(self.cluster, self.site), list(hosts))
            Configuring(self.builder, hosts, instances, unrung).await_all(self.options.wait)

    def _serve(self) -> None:
        with self.log.phase("serve", "what the site expects, and what its apps say"):
            kept = {one.name: one for one in list_kept_hosts(self.chosen)}
            lines = read_lines(self.site, self.cluster, self.options, kept)
            hosts = choose_app_hosts(self.chosen, self.heard, lines)
            serving = Serving(self.site, self.cluster, self.options, self.log, hosts, self.heard)
            serving.await_all(self.options.serve_limit)

    def _say_next(self) -> None:
        names = "--all" if self.options.all else " ".join(map(shlex.quote, self.names))
        more = " --production" if self.options.production else ""
        render.say(
            f"go on, which destroys none a second time:\n\n  homeprod drill rebuild {names}{more}\n\n"
            "or make what is missing, and leave it at that:\n\n  homeprod apply --start"
        )
