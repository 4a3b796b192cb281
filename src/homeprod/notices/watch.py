"""One look's notices: for each target what it has not been told yet, sent, and remembered where it was taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeprod.notices.memory import Memory
from homeprod.notices.news import Known, News, Sight, find_news, learn
from homeprod.notices.sender import Letter, send
from homeprod.notices.targets import Target
from homeprod.notices.words import write_body, write_title


@dataclass(frozen=True, slots=True)
class Notice:
    target: Target
    news: News
    letter: Letter


@dataclass(frozen=True, slots=True)
class Delivered:
    """``trouble`` says why the target did not take it, and hears of it at the next look; empty where it did."""

    notice: Notice
    trouble: str


def make_notices(memory: Memory, targets: Sequence[Target], sight: Sight, site: str) -> list[Notice]:
    """For those targets that something is new to."""
    due = memory.list_due(sight)
    found = ((target, find_news(memory.find(target.make_digest(memory.salt)), sight, due)) for target in targets)
    return [Notice(target, news, _write(site, news)) for target, news in found if news]


def make_first_letter(memory: Memory, sight: Sight, site: str) -> Letter | None:
    """What somebody would hear who was told nothing yet; None where that is nothing."""
    news = find_news(Known({}, {}), sight, memory.list_due(sight))
    return _write(site, news) if news else None


def _write(site: str, news: News) -> Letter:
    return Letter(write_title(site, news), write_body(news))


def tell(
    memory: Memory, targets: Sequence[Target], sight: Sight, site: str, keep: Callable[[Memory], None]
) -> list[Delivered]:
    """``keep`` writes the memory down, before anybody is told and after each target's answer: whatever breaks then,
    who was told is not told again. Raises what it raises."""
    digests = {target: target.make_digest(memory.salt) for target in targets}
    memory.forget_but(digests.values())
    memory.note_first(sight)
    notices = {notice.target: notice for notice in make_notices(memory, targets, sight, site)}
    due, delivered = memory.list_due(sight), []
    keep(memory)
    if not notices:
        return []  # Apprise need not be loaded
    for target, trouble in send({target: one.letter for target, one in notices.items()}):
        digest = digests[target]
        memory.note(digest, learn(memory.find(digest), sight, due, was_reached=not trouble))
        keep(memory)
        delivered.append(Delivered(notices[target], trouble))
    return delivered
