"""Who looks at the page: people who may ring, for some hours, until the node's state changes."""

from __future__ import annotations

import time
from collections.abc import Callable

from homeprod.web.node import Node
from homeprod.web.page.tokens import LINK_SECONDS, SESSION_SECONDS, Standing, Tickets


class Visitors:
    def __init__(self, node: Node, steady: Callable[[], float] = time.monotonic) -> None:
        self._node = node
        self._links, self._sessions = Tickets(LINK_SECONDS, steady), Tickets(SESSION_SECONDS, steady)

    def invite(self, person: str) -> str:
        """The token of a link, which lets a browser in once."""
        return self._links.issue(person, self._stand(person))

    def admit(self, link: str) -> str | None:
        """The token of a session; None where the link was used, is too old, or never was one."""
        ticket = self._links.take(link)
        if ticket is None or ticket.standing != self._stand(ticket.person):
            return None
        return self._sessions.issue(ticket.person, ticket.standing)

    def recognize(self, session: str) -> str | None:
        """Whose it is. One that does not hold any more is forgotten."""
        ticket = self._sessions.find(session)
        if ticket is None:
            return None
        if ticket.standing != self._stand(ticket.person):
            self._sessions.drop(session)
            return None
        return ticket.person

    def _stand(self, person: str) -> Standing:
        settings = self._node.settings()
        owners = (*settings.ringers, *settings.administrator_keys)
        keys = tuple(sorted({owner.key for owner in owners if owner.person == person}))
        return Standing(keys, self._node.state().value, self._node.since())
