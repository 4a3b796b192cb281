"""Real machines: QEMU processes and their disks."""

from homeprod.lab.guest.acceleration import Acceleration, find_acceleration
from homeprod.lab.guest.runner import QemuRunner
from homeprod.lab.guest.volumes import QcowVolumes

__all__ = ["Acceleration", "QcowVolumes", "QemuRunner", "find_acceleration"]
