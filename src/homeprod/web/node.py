"""What the door needs of the control node behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from homeprod.control.hosts.ledger import Ledger
from homeprod.control.inventory import Place
from homeprod.control.promotion.standing import Standing
from homeprod.control.settings import NodeSettings
from homeprod.control.snapshots import Snapshots
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.control.upkeep.keeping import Keeping


class Node(Protocol):
    @property
    def ledger(self) -> Ledger: ...
    @property
    def snapshots(self) -> Snapshots: ...
    def settings(self) -> NodeSettings:
        """The newest that are believed; the same value until they change."""

    def state(self) -> NodeState: ...
    def since(self) -> float:
        """Seconds since 1970 at which it came into its state."""

    def inventory(self) -> Mapping[str, Place]:
        """Every host of the site, other control nodes' too; empty before the first fetch."""

    def pictures(self) -> Mapping[str, Path]:
        """Of the site, by name, as a head that was believed has them."""

    def troubles(self) -> Sequence[Trouble]:
        """What a person should see to."""

    def promotions(self) -> Sequence[Standing]:
        """How it is at the gate, of each environment that has one."""

    def knock(self) -> None:
        """Somebody says that something was pushed; however many do, it is answered by few fetches."""

    async def keepings(self) -> Sequence[Keeping]:
        """How each host that it knows is kept."""

    async def look_again(self) -> None:
        """Fetch what the site has become since; whoever asks meanwhile shares it. What went wrong is among the
        troubles then, and raised to nobody."""
