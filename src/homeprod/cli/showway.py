"""A way as a person and as a machine reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.cli import render
from homeprod.cli.schema.route import (
    AnswerEntry,
    HopEntry,
    OtherEntry,
    RenderedEntry,
    RuleEntry,
    TrialEntry,
    WayEntry,
)
from homeprod.network.expectations import Trial
from homeprod.network.way import Answer, Hop, Rule, Way
from homeprod.site.declared import Declared, source_of
from homeprod.site.site import Site

_COLOURS = {"service": "green", "redirect": "cyan", "refused": "yellow", "nowhere": "red"}


def describe_way(site: Site, way: Way, files: Mapping[str, str]) -> WayEntry:
    """For ``--json``. ``files`` are the way in's rendered ones, here and below."""
    hops = [_describe_hop(site, hop, files) for hop in way.hops]
    return WayEntry(url=str(way.target), origin=way.from_, hops=hops, answer=_describe_answer(way.answer))


def describe_trial(site: Site, trial: Trial, files: Mapping[str, str]) -> TrialEntry:
    file, line = find_line(site, trial.expectation)
    way = describe_way(site, trial.way, files)
    return TrialEntry(file=file, line=line, problem=trial.problem, left=trial.left, way=way)


def find_line(site: Site, declared: Declared, keyword: str = "") -> tuple[str, int]:
    """Where it stands in the site."""
    source = source_of(declared)
    if source is None:
        return "modules", 1
    return str(source.file.relative_to(site.root)), source.line_of(keyword) if keyword else source.line


def show_way(site: Site, way: Way, files: Mapping[str, str]) -> None:
    """A hop a line, and below it the rules with their place in the site and in what is rendered, and those that
    nearly were it."""
    render.print_line(f"{way.target} from the {'LAN' if way.from_ == 'lan' else 'outside'}\n")
    width = max((len(hop.name) for hop in way.hops), default=0)
    places = max((len(_place(hop)) for hop in way.hops), default=0)
    for hop in way.hops:
        render.print_line(f"  {hop.name:{width}}  {_place(hop):{places}}  {hop.does}".rstrip())
        for rule in hop.rules:
            _show_rule(site, rule, files)
    words = render.paint(_tell_answer(way.answer), _COLOURS[way.answer.end])
    render.print_line(f"{chr(10) if way.hops else ''}{words}")


def _show_rule(site: Site, rule: Rule, files: Mapping[str, str]) -> None:
    file, line = find_line(site, rule.cause, rule.keyword)
    render.print_line(f"      {rule.words}  {file}:{line}")
    for name, number in _find_rendered(rule, files):
        render.print_line(f"        in {name}:{number}")
    for other in rule.others:
        if other.is_near:
            file, line = find_line(site, other.cause)
            render.print_line(f"        not {other.words}: {other.why}  {file}:{line}")


def _tell_answer(answer: Answer) -> str:
    is_doubtful = answer.is_trusted is False and answer.end != "refused"
    return answer.words + ("; but the client does not accept the certificate" if is_doubtful else "")


def _place(hop: Hop) -> str:
    if hop.place is None:
        return "–"
    address = str(hop.place.address)
    if hop.port is None:
        return address
    return f"[{address}]:{hop.port}" if ":" in address else f"{address}:{hop.port}"


def _describe_hop(site: Site, hop: Hop, files: Mapping[str, str]) -> HopEntry:
    address6 = hop.place.address6 if hop.place is not None else None
    return HopEntry(
        kind=hop.kind,
        name=hop.name,
        address=str(hop.place.address) if hop.place is not None else None,
        address6=str(address6) if address6 is not None else None,
        port=hop.port,
        does=hop.does,
        rules=[_describe_rule(site, rule, files) for rule in hop.rules],
    )


def _describe_rule(site: Site, rule: Rule, files: Mapping[str, str]) -> RuleEntry:
    file, line = find_line(site, rule.cause, rule.keyword)
    rendered = [RenderedEntry(file=name, line=number) for name, number in _find_rendered(rule, files)]
    others = [*_describe_others(site, rule)]
    return RuleEntry(rule=rule.words, file=file, line=line, rendered=rendered, others=others)


def _find_rendered(rule: Rule, files: Mapping[str, str]) -> list[tuple[str, int]]:
    found = [(clue.file, clue.find(files)) for clue in rule.clues]
    return [(file, number) for file, number in found if number is not None]


def _describe_others(site: Site, rule: Rule) -> Iterator[OtherEntry]:
    for other in rule.others:
        file, line = find_line(site, other.cause)
        yield OtherEntry(rule=other.words, why=other.why, file=file, line=line)


def _describe_answer(answer: Answer) -> AnswerEntry:
    return AnswerEntry(
        end=answer.end,
        words=answer.words,
        status=answer.status,
        service=answer.service.name if answer.service is not None else None,
        certificate=[*answer.certificate.names] if answer.certificate is not None else None,
        is_trusted=answer.is_trusted,
    )
