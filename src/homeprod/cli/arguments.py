"""What each command takes. Apart from the commands, so that ``--help`` loads none of them."""

from __future__ import annotations

import argparse

from homeprod.cli.apps.arguments import add_arguments as add_apps_arguments
from homeprod.cli.control.arguments import add_arguments as add_control_arguments
from homeprod.cli.drill.arguments import add_arguments as add_drill_arguments
from homeprod.cli.exitcodes import list_exit_codes
from homeprod.cli.lab.arguments import add_arguments as add_lab_arguments
from homeprod.cli.promotion import arguments as promotion

TYPE_CHECKING = False  # type checkers take it for true; --help and --version import neither typing nor pathlib
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path


def read_path(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    """Give the command's parser its own arguments, and those of every command once more."""
    _ADDERS.get(name, _add_json)(command)
    for parser in _list_nested(command):
        add_common(parser, is_repeated=True)
        words = parser.prog.partition(" ")[2]
        parser.epilog = "\n".join([*([parser.epilog] if parser.epilog else []), list_exit_codes(words)])


def _list_nested(command: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The command's parser, and those of all that it nests."""
    nested = (
        parser
        for action in command._actions
        if isinstance(action, argparse._SubParsersAction)
        for parser in action.choices.values()
    )
    return [command, *(found for parser in nested for found in _list_nested(parser))]


def add_common(parser: argparse.ArgumentParser, *, is_repeated: bool = False) -> None:
    """What every command takes, before its name or behind it. Repeated, they set nothing where they are not given."""
    group = parser.add_argument_group("of every command") if is_repeated else parser
    lab, site, debug = (argparse.SUPPRESS,) * 3 if is_repeated else ("", ".", False)
    group.add_argument("--lab", metavar="NAME", default=lab, help="that running lab instead of the site's cluster")
    group.add_argument("--site", metavar="DIR", type=read_path, default=site, help="the site (default: here, upward)")
    group.add_argument("--debug", action="store_true", default=debug, help="show a traceback where there is one")


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for machines")


def _add_report(command: argparse.ArgumentParser) -> None:
    """``--json`` in a form that is promised."""
    _add_json(command)
    command.add_argument("--json-schema", action="store_true", help=_SCHEMA)


def _add_init(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=read_path, metavar="DIR", help="a folder that is not there yet, or is empty")


def _add_choice(command: argparse.ArgumentParser) -> None:
    command.epilog = _SIGNS
    command.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="just this machine, with its images and data VMs; may be repeated",
    )
    command.add_argument("--start", action="store_true", help="also start machines that somebody stopped")


def _add_plan(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    _add_choice(command)
    command.add_argument("--out", metavar="FILE", type=read_path, help="keep the plan, for `homeprod apply FILE`")


def add_lease(command: argparse.ArgumentParser) -> None:
    """For every command that writes to Proxmox."""
    command.add_argument(
        "--wait-lease",
        metavar="SECONDS",
        type=_read_seconds,
        default=0.0,
        help="how long to wait for somebody else's apply (default: not at all)",
    )
    command.add_argument(
        "--break-lease", action="store_true", help="take over from whoever acts on the site now, saying who it was"
    )


def _add_manner(command: argparse.ArgumentParser) -> None:
    command.add_argument("--no-wait", action="store_true", help="do not wait for cloud-init's end")
    _add_pace(command)


def _add_pace(command: argparse.ArgumentParser) -> None:
    add_lease(command)
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument(
        "--wait-limit",
        metavar="SECONDS",
        type=_read_seconds,
        default=600.0,
        help="how long to wait for cloud-init's end (default: %(default)g)",
    )
    command.add_argument(
        "--force-stop",
        action="store_true",
        help="pull the plug of a machine that does not shut down, even with a data disk mounted",
    )
    command.add_argument(
        "--parallel",
        metavar="N",
        type=_read_count,
        default=0,
        help="how many tasks Proxmox is given at once (default: 4 at first, more while it keeps up)",
    )


def _add_apply(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", type=read_path, nargs="?", metavar="FILE", help="a plan kept by `homeprod plan --out`"
    )
    _add_report(command)
    _add_choice(command)
    command.add_argument(
        "--cold-start", action="store_true", help="also shut down and start again what waits for it, without asking"
    )
    _add_manner(command)
    command.add_argument(
        "--removals",
        metavar="N",
        type=_read_removals,
        help="that just so many machines are deleted or replaced is meant, though the site's bound is lower",
    )


def _add_destroy(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME")
    command.add_argument("--data", action="store_true", help="NAME is a data VM; its disks are lost for good")
    command.add_argument("--confirm", metavar="NAME", help="with --data: the name again, instead of typing it")
    command.set_defaults(json=False)
    _add_manner(command)


def _add_adopt(command: argparse.ArgumentParser) -> None:
    command.epilog = _ADOPTING
    command.add_argument("vmid", metavar="VMID", type=_read_vmid, nargs="?", help="a machine's, by Proxmox's number")
    command.add_argument(
        "--as",
        metavar="NEW-NAME",
        dest="name",
        help="what the site calls it (default: its name in Proxmox); NAME-data for a data VM",
    )
    command.add_argument(
        "--environment", metavar="ENVIRONMENT", help="the one it belongs to, where the site has several"
    )
    command.add_argument(
        "--disk", nargs=2, metavar=("NAME", "SLOT"), help="move this machine's disk into a data VM (scsi1, say)"
    )
    command.add_argument("--to", metavar="DATA-VM", help="with --disk: the data VM, of the site or to be made")
    command.add_argument("--label", metavar="LABEL", help="with --disk: the disk's label (default: its serial)")
    command.add_argument("--yes", action="store_true", help="with --disk: do not ask")
    command.set_defaults(json=False)
    add_lease(command)


def _add_forget(command: argparse.ArgumentParser) -> None:
    command.epilog = _FORGETTING
    command.add_argument("names", metavar="NAME", nargs="*", help="a machine or data VM of the site, or its VMID")
    command.add_argument("--all", action="store_true", help="all of them")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.set_defaults(json=False)
    add_lease(command)


def _add_render(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--to", metavar="DIR", type=read_path, required=True, help="a clone of the playbook repository"
    )
    command.add_argument("--check", action="store_true", help="write nothing; exit 2 where it is behind the site")
    command.set_defaults(json=False)


def _add_configure(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", metavar="NAME", nargs="+", help="a machine that a control node configures")
    command.set_defaults(json=False)


def _add_known_hosts(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", metavar="NAME", nargs="*", help="of these machines (default: of all)")
    command.set_defaults(json=False)


def _add_drift(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    command.add_argument("host", metavar="HOST", nargs="?", default="", help="that one, in full (default: all)")
    command.add_argument("--node", metavar="NODE", default="", help="the control node (default: the one that runs)")


def _add_affected(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    command.add_argument("span", metavar="A..B", nargs="?", default="", help="two revisions; without B: the head")
    where = "the playbook repository (default: here)"
    command.add_argument("--repository", metavar="DIR", type=read_path, default=".", help=where)
    secrets = "your clone of the vault repository (default: what `git config homeprod.vault` says there)"
    command.add_argument("--vault", metavar="DIR", type=read_path, default=None, help=secrets)


def _add_trials(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    promotion.add_trials(command, read_path)


def _add_promote(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    promotion.add_promote(command, read_path, _read_seconds)


def _add_rollback(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    promotion.add_rollback(command, read_path)


def _add_rehearse(command: argparse.ArgumentParser) -> None:
    command.epilog = _REHEARSING
    _add_report(command)
    command.add_argument("revision", metavar="REV", nargs="?", default="", help="what is to be tried")
    command.add_argument(
        "names", metavar="NAME", nargs="*", help="just these machines (default: those that nothing else is tried for)"
    )
    command.add_argument(
        "--to", metavar="ENV", default="", help="where it is to go (default: the only one that waits)"
    )
    where = "the playbook repository (default: here)"
    command.add_argument("--repository", metavar="DIR", type=read_path, default=".", help=where)
    secrets = "your clone of the vault repository (default: what `git config homeprod.vault` says there)"
    command.add_argument("--vault", metavar="DIR", type=read_path, default=None, help=secrets)
    command.add_argument("--yes", action="store_true", help="do not ask")


def _add_runs(command: argparse.ArgumentParser) -> None:
    """The verbs take what the list takes."""
    command.set_defaults(verb="list", json=False, node="", limit=20, host="", kind="")
    command.add_argument("--json", action="store_true", help="for machines")
    command.add_argument("--node", metavar="NODE", default="", help="the control node (default: the one that runs)")
    command.add_argument("--host", metavar="HOST", default="", help="only its runs")
    kinds = ("configure", "check", "renewal")
    command.add_argument("--kind", choices=kinds, default="", help="only runs of that kind")
    command.add_argument("--limit", metavar="N", type=_read_rows, default=20, help="how many (default: %(default)s)")
    verbs = command.add_subparsers(dest="verb", metavar="VERB", parser_class=type(command))
    show, cancel = (
        verbs.add_parser(verb, help=purpose, description=purpose, formatter_class=command.formatter_class)
        for verb, purpose in (("show", "what a run said"), ("cancel", "ask for a run's end"))
    )
    show.add_argument("--follow", action="store_true", help="until it ends")
    for verb in (show, cancel):
        verb.add_argument("id", metavar="ID", type=_read_run, help="the run's number")
        verb.add_argument(
            "--node", metavar="NODE", default=argparse.SUPPRESS, help="the control node (default: the one that runs)"
        )
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for machines: an object a line")


def _add_route(command: argparse.ArgumentParser) -> None:
    command.set_defaults(verb="", json=False)
    command.add_argument("--json-schema", action="store_true", help=_SCHEMA)
    verbs = command.add_subparsers(dest="verb", metavar="VERB", parser_class=type(command))
    explain, test = (
        verbs.add_parser(verb, help=purpose, description=purpose, formatter_class=command.formatter_class)
        for verb, purpose in (
            ("explain", "every hop of a name's way, and the rule that chose it"),
            ("test", "hold the site's expectations against its table"),
        )
    )
    explain.add_argument("target", metavar="URL|HOST", help="what is asked for; a host alone is asked for by https")
    explain.add_argument(
        "--from", dest="from_", choices=("lan", "wan"), default="wan", help="who asks (default: %(default)s)"
    )
    explain.add_argument(
        "--probe",
        dest="is_live",
        action="store_true",
        help="walk the way for real too, and compare: asks its machines",
    )
    test.add_argument(
        "--live",
        dest="is_live",
        action="store_true",
        help="walk each way for real too, and compare: asks its machines",
    )
    for verb in (explain, test):
        verb.add_argument(
            "--at",
            metavar="ADDRESS",
            type=_read_address,
            help="the router's outer address, asked there; says that this machine is outside of the LAN",
        )
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for machines")
        verb.add_argument("--json-schema", action=_Schema, nargs=0, default=argparse.SUPPRESS, help=_SCHEMA)


class _Schema(argparse.Action):
    """Behind a verb, which then needs nothing else."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        setattr(namespace, self.dest, True)
        for action in parser._actions:
            action.required = False


def _read_address(text: str) -> IPv4Address | IPv6Address:
    from ipaddress import ip_address

    try:
        return ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address") from None


def _read_run(text: str) -> int:
    return _read_number(text, 1, 10**15)


def _add_apps(command: argparse.ArgumentParser) -> None:
    add_apps_arguments(command, read_path)


def _add_drill(command: argparse.ArgumentParser) -> None:
    add_drill_arguments(command, read_path, _add_pace)


def _add_status(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    command.add_argument(
        "--no-node", action="store_true", help="ask no control node, and send it nothing of what is seen"
    )
    command.set_defaults(only=[], start=False)


def _add_watch(command: argparse.ArgumentParser) -> None:
    _add_json(command)
    command.add_argument(
        "--to",
        metavar="FILE",
        type=read_path,
        help="whom to tell: Apprise's addresses, one a line, yours alone to read",
    )
    command.add_argument(
        "--memory", metavar="FILE", type=read_path, help="what was told (default: in ~/.local/state/homeprod)"
    )
    command.add_argument("--dry-run", action="store_true", help="only show what would be told")
    command.add_argument("--test", action="store_true", help="only say that notices arrive, to each of them")
    command.set_defaults(only=[], start=False)


def _add_history(command: argparse.ArgumentParser) -> None:
    _add_report(command)
    command.add_argument("name", metavar="NAME", nargs="?", default="", help="a machine, or a VMID (default: all)")
    command.add_argument(
        "--limit", metavar="N", type=_read_rows, default=50, help="how many, the newest first (default: %(default)s)"
    )
    command.add_argument("--errors", action="store_true", help="only what did not go well")


def _add_doctor(command: argparse.ArgumentParser) -> None:
    _add_json(command)
    command.add_argument("--role", action="store_true", help="print the lines that make a user with the least rights")
    command.add_argument(
        "--user", metavar="USER@REALM", default="homeprod@pve", help="that user (default: %(default)s)"
    )
    command.add_argument("--token-id", metavar="ID", default="cli", help="the id of its token (default: %(default)s)")


def _add_completion(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=("bash", "zsh", "fish"), help="yours")
    command.epilog = _SOURCING


def _read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"seconds from 0 to 86400 (a day) are expected, not {text!r}")
    return seconds


def _read_vmid(text: str) -> int:
    return _read_number(text, 100, 999_999_999)


def _read_removals(text: str) -> int:
    return _read_number(text, 0, 1_000_000)


def _read_rows(text: str) -> int:
    return _read_number(text, 1, 10_000)


def _read_count(text: str) -> int:
    return _read_number(text, 1, 64)


def _read_number(text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
        raise argparse.ArgumentTypeError(f"a number from {lowest} to {highest} is expected, not {text!r}")
    return int(text)


def _add_diagram(command: argparse.ArgumentParser) -> None:
    subjects = ("network", "provisioning", "states")
    purpose = "network: the way in; provisioning: how machines are made and configured; states: the control node's"
    command.add_argument("subject", metavar="SUBJECT", choices=subjects, help=purpose)
    command.add_argument(
        "--format", choices=("svg", "mermaid", "text"), default="text", help="(default: %(default)s)"
    )
    command.add_argument(
        "--columns",
        type=int,
        choices=(1, 2),
        default=2,
        help="of an SVG: 1 for a narrow screen (default: %(default)s)",
    )
    command.set_defaults(json=False)


_SCHEMA = "print the JSON Schema of what --json prints"
_SIGNS = """\
signs of a plan:
  + create   ~ update   ± replace   - delete   > start, cold start, finish   = adopt
  * worth knowing, and nothing that an apply would change
  ! a conflict: nothing is applied while there is one
  ? a machine on a node that is off: unknown, and left alone
"""
_SOURCING = """\
what to write into your shell's own file:
  source <(homeprod completion bash)    in ~/.bashrc
  source <(homeprod completion zsh)     in ~/.zshrc, after compinit
  homeprod completion fish | source     in ~/.config/fish/config.fish
"""
_ADOPTING = """\
a machine that somebody made by hand, with Terraform or with a script:
  homeprod adopt 105 --as web        writes modules/web_vm.py, and touches nothing in Proxmox
  homeprod plan --only web           shows the marks that an apply would set, and nothing else
  homeprod apply --only web          sets them: the machine runs on, and is the site's

a disk of it, into a data VM, so that it outlives the machine (which must be shut down meanwhile):
  homeprod adopt --disk web scsi1 --to web-data --label documents
"""
_FORGETTING = """\
takes the marks away (lines in the note, tags) and nothing else: machines run on, and are nobody's. A machine whose
module stays is a stranger to the next plan, so take the module away too: this says which.
"""
_REHEARSING = """\
what is done, in a lab that no network leads out of:
  stand-ins are built from the site's own definition, with empty data disks and generated secrets
  they are configured as the environment is now, then asked what REV would change
  they converge to REV, and once more, which may change nothing; then units and the way in are looked at
  all of it is taken away again, whatever happens; what was found is signed, and kept as a record
"""
_ADDERS = {
    "adopt": _add_adopt,
    "forget": _add_forget,
    "init": _add_init,
    "check": _add_report,
    "plan": _add_plan,
    "apply": _add_apply,
    "destroy": _add_destroy,
    "status": _add_status,
    "watch": _add_watch,
    "history": _add_history,
    "render": _add_render,
    "configure": _add_configure,
    "known-hosts": _add_known_hosts,
    "drift": _add_drift,
    "runs": _add_runs,
    "affected": _add_affected,
    "trials": _add_trials,
    "promote": _add_promote,
    "rollback": _add_rollback,
    "rehearse": _add_rehearse,
    "route": _add_route,
    "apps": _add_apps,
    "drill": _add_drill,
    "control": add_control_arguments,
    "lab": add_lab_arguments,
    "diagram": _add_diagram,
    "doctor": _add_doctor,
    "completion": _add_completion,
}
