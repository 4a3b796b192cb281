"""The lab's own network: a namespace with bridges, a gateway and DNS, joined to nothing outside."""

from homeprod.lab.lan.network import Lan

__all__ = ["Lan"]
