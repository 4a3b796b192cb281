"""The secret check: refuses anything that looks secret, over every byte that leaves (files, notes).

Two kinds of signs: forms that are secret wherever they stand (a private key's first line, a token's prefix), and a
telling name with a value behind it (``db_password: …``). Nobody reads a secret out of a comment by mistake alone, so
comments count too. What only speaks of secrets (``password: see the vault``, ``token_file: /etc/token``) passes, and
so do names of a table (``secrets:`` of compose, a line above ``db_key:``), but not what stands in it.
"""

from __future__ import annotations

import re

_FORMS = (
    ("a private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-\d|b3BlbnNzaC1rZXktdjEA"),
    # The same first line of a PEM file in base64, as `encoding: b64` would carry it.
    (
        "a private key",
        r"LS0tLS1CRUdJTi(?:BPUEVOU1NIIFBSSVZBVEUg|BSU0EgUFJJVkFURS|BQUklWQVRFIEtFWS|BFQyBQUklWQVRFIEtFWS)",
    ),
    ("an age identity", r"AGE-SECRET-KEY-1[0-9A-Z]{10}|AGE-PLUGIN-[A-Z0-9]+-1[0-9A-Z]{10}"),
    (
        "a password hash",
        r"\$(?:1|2[abxy]|5|6|7|y|apr1|argon2(?:id?|d))\$[^\s$]+\$[^\s]{13}|\{S?SHA\d*\}[A-Za-z0-9+/]{20}",
    ),
    ("a password hash", r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{22}"),
    ("a Proxmox API token", r"(?<![\w.-])[\w.-]+@[\w.-]+![\w.-]+[=:][0-9a-fA-F]{8}-"),
    ("a signed token (JWT)", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_\w{20}"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|ptt)-[\w-]{16}"),
    ("an AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a token", r"\bxox[abeoprs]-[\w-]{10}|\bAIza[\w-]{35}|\bhvs\.[\w-]{20}|\btskey-[\w-]{10}|\bdop_v1_[0-9a-f]{20}"),
    ("a token", r"\b[sr]k_live_\w{16}|\bnpm_[A-Za-z0-9]{30}|\bpypi-AgE[\w-]{20}|\bsk-[A-Za-z0-9_-]{20}"),
    ("a token", r"(?i:authorization\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+\S{8})"),
    ("a password in a URL", r"(?<![\w+.-])[a-z][a-z0-9+.-]*://[^\s/:@\"']+:(?![$<{*])[^\s/@\"']+@"),
    ("a password", r"(?i:\bchpasswd\b)"),
)
_NAME = (
    r"(?:passwd|password|passphrase|pass_?phrase|secret|token|credential|psk"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|vault[_-]?key)s?(?:[_-][a-z]+)*"
)
_NAMED = re.compile(
    rf"(?i)(?P<name>{_NAME})[\"']?(?:\s*(?:=>|:=|[:=])(?![ \t\r]*\n\s*[\w.-]+:\s)\s*|[ \t]+is:?[ \t]+)"
    rf"(?P<value>[\"']?[^\s\"',;}}\])]{{3,}})"
    rf"|--(?P<option>{_NAME})[ \t]+(?P<given>[^\s-]\S{{2,}})"
)
_REFERENCE = re.compile(r"[\"']?(?:[<$*/~|>!&]|\{\{|%\(|\.\.?/|(?:file|env|vault|https?):)")
"""How a value begins that only says where the secret is: a placeholder, a variable, a path, a YAML tag."""
_SWITCHES = (
    "true false yes no on off null none unchanged locked lock enabled disabled required optional default auto all"
)
_SENTENCES = """see ask from the this that kept stored managed comes lives set rotated handled not never nowhere
    injected use used same generated unknown needed only every for via with held read sealed encrypted hidden and are
    was somewhere elsewhere inside outside given made what where who here there"""
"""How a sentence about a secret goes on after ``is`` or a colon. `all` is sudo's, in `NOPASSWD:ALL`."""
_PLAIN = frozenset(f"{_SWITCHES} {_SENTENCES}".split())
_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _FORMS)
"""Each begins at a word's begin, or with signs of its own: a file may be one word of a million letters."""


def find_secret(data: bytes | str) -> str | None:
    """What the text seems to hold (``a private key``), never the thing itself; None if nothing looks secret."""
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    found = next((name for name, pattern in _PATTERNS if pattern.search(text)), None)
    return found or next(filter(None, map(_judge_named, _NAMED.finditer(text))), None)


def _judge_named(match: re.Match[str]) -> str | None:
    name, value = match["name"] or match["option"], match["value"] or match["given"]
    word = value.strip("\"'").rstrip(".!?:").lower()
    if name.lower() == "secrets" and value.startswith("["):  # compose's list of their names
        return None
    if _REFERENCE.match(value) or word in _PLAIN or name.lower().endswith(("file", "path", "name", "url")):
        return None
    return "a password" if re.match(r"(?i)pass", name) else "a token or secret"
