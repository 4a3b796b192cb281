"""The lease: who may act on a site now, kept in Proxmox itself as an empty pool whose comment says who holds it.

See docs/decisions/0007-lease.md for why it is safe.
"""

from homeprod.engine.lease.lease import Lease
from homeprod.engine.lease.look import Seen
from homeprod.engine.lease.take import await_lease, hold_lease
from homeprod.engine.lease.watch import Terms

__all__ = ["Lease", "Seen", "Terms", "await_lease", "hold_lease"]
