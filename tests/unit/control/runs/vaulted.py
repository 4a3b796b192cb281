"""Vault text by the real ansible-vault."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PASSWORD = "a password of the vault"


def encrypt(text: str, password: str = PASSWORD, label: str = "lab") -> str:
    """As `ansible-vault encrypt` writes it, format 1.2."""
    with tempfile.TemporaryDirectory() as home:
        key = Path(home) / "password"
        key.write_text(password)
        argv = [str(Path(sys.executable).with_name("ansible-vault")), "encrypt", "--vault-id", f"{label}@{key}"]
        argv += ["--encrypt-vault-id", label, "--output", "-"]
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "ANSIBLE_HOME": home}
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=True, env=env)
    return done.stdout


def indent(text: str) -> str:
    """As the value of `!vault |` in a file of variables."""
    return "".join(f"          {line}\n" for line in text.splitlines())
