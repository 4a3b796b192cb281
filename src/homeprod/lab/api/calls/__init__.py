"""Every call that the lab answers. Anything else is an honest 501."""

from __future__ import annotations

from homeprod.lab.api.calls import cluster, machines, pools, storage, tasks, transfer
from homeprod.lab.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *cluster.ROUTES,
    *tasks.ROUTES,
    *machines.ROUTES,
    *storage.ROUTES,
    *transfer.ROUTES,
    *pools.ROUTES,
)
