"""The router's part as steps for an OPNsense, in the order and words of its pages (docs.opnsense.org, manual/nat,
manual/aliases); its API for port forwards, `d_nat`, is there from 26.1 on."""

from __future__ import annotations

from homeprod.network.nat.values import PORTS, Nat

_NAMES = {80: "HTTP", 443: "HTTPS"}
_ALIAS, _ALIAS6 = "homeprod_passthrough", "homeprod_passthrough6"


def render_opnsense(values: Nat) -> str:
    """The whole file but for its heading."""
    sections = [_write_aliases(values), *(_write_forward(port) for port in PORTS)]
    sections += [_write_rules6()] if values.passthrough6 is not None else []
    return "\n".join([*sections, _END])


def write_forward(port: int) -> str:
    """The line that names the port that is passed on."""
    return f"{_pad('Destination port range')}{_NAMES[port]} ({port}) to {_NAMES[port]} ({port})"


def _pad(label: str) -> str:
    return f"    {label:26}"


def _write_aliases(values: Nat) -> str:
    lines = [
        "Firewall > Aliases, +",
        f"{_pad('Name')}{_ALIAS}",
        f"{_pad('Type')}Host(s)",
        f"{_pad('Content')}{values.passthrough}",
    ]
    if values.passthrough6 is not None:
        lines += ["  and another one:", f"{_pad('Name')}{_ALIAS6}", f"{_pad('Type')}Host(s)"]
        lines += [f"{_pad('Content')}{values.passthrough6}"]
    return "\n".join([*lines, "  Save, Apply.", ""])


def _write_forward(port: int) -> str:
    lines = [
        f"Firewall > NAT > Port Forward (Destination NAT from 26.1 on), +: port {port}",
        f"{_pad('Interface')}WAN",
        f"{_pad('TCP/IP Version')}IPv4",
        f"{_pad('Protocol')}TCP",
        f"{_pad('Source')}any",
        f"{_pad('Destination')}WAN address",
        write_forward(port),
        f"{_pad('Redirect target IP')}{_ALIAS}",
        f"{_pad('Redirect target port')}{_NAMES[port]} ({port})",
        f"{_pad('Description')}homeprod: {_NAMES[port]} to the passthrough",
        f"{_pad('NAT reflection')}Disable",
        f"{_pad('Filter rule association')}Add associated filter rule (Pass, where it has no other)",
        "  Save.",
        "",
    ]
    return "\n".join(lines)


def _write_rules6() -> str:
    ports = " and ".join(f"{_NAMES[port]} ({port})" for port in PORTS)
    lines = [
        "Firewall > Rules > WAN, +: IPv6 is not translated, only let through",
        f"{_pad('Action')}Pass",
        f"{_pad('Direction')}in",
        f"{_pad('TCP/IP Version')}IPv6",
        f"{_pad('Protocol')}TCP",
        f"{_pad('Source')}any",
        f"{_pad('Destination')}{_ALIAS6}",
        f"{_pad('Destination port range')}a rule for each of {ports}",
        f"{_pad('Description')}homeprod: IPv6 to the passthrough",
        "  Save.",
        "",
    ]
    return "\n".join(lines)


_END = """\
Apply changes. Then, once:

  System > Settings > Administration: where the web interface has TCP port 443 or 80, let it listen on the LAN alone
  (Listen Interfaces), and give it another port if you ask for it from outside.
  Firewall > Settings > Advanced: the three boxes under Network Address Translation that reflect port forwards or make
  outbound rules for them stay empty. From the LAN nothing goes out and back in again: split DNS leads straight to
  the proxies. unbound.conf, beside this file, is OPNsense's own resolver's part; dnsmasq.conf is a Pi-hole's.

From OPNsense 26.1 on its API makes them too (/api/firewall/d_nat); before it there are only these pages.
"""
