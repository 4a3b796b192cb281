"""How each managed attribute changes, as data: the planner and the documentation come from this table.

Source: qemu-server's hot-plug rules (`vmconfig_hotplug_pending`) with the default `hotplug: network,disk,usb`; seen
in the recorded answers. CPU and memory are hot-pluggable only where a machine was set up for it, which ours are not.
"""

from __future__ import annotations

from homeprod.plan.change import Effect

EFFECTS: dict[str, Effect] = {
    "name": Effect.LIVE,
    "description": Effect.LIVE,
    "tags": Effect.LIVE,
    "onboot": Effect.LIVE,
    "startup": Effect.LIVE,
    "protection": Effect.LIVE,
    "net0": Effect.LIVE,
    "cores": Effect.COLD_START,
    "memory": Effect.COLD_START,
    "agent": Effect.COLD_START,
    "ostype": Effect.COLD_START,
    "scsihw": Effect.COLD_START,
    "serial0": Effect.COLD_START,
    "boot": Effect.COLD_START,
}
