"""Installing a control node: what can be tried without a machine of its own."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from homeprod.control.certificate import make_certificate
from homeprod.control.install import PROGRAMS, make_entry_points
from homeprod.drivers.wholefile import write_whole


def fill_at(full: Path) -> Callable[[Path, str, int], None]:
    """Writes whole files until it comes to ``full``."""

    def write(file: Path, text: str, mode: int) -> None:
        if file == full:
            raise OSError(28, "No space left on device")
        write_whole(file, text, mode)

    return write


def test_ansibles_programs_can_be_run(tmp_path: Path) -> None:
    import sys

    (tmp_path / "python").symlink_to(sys.executable)
    make_entry_points(tmp_path)
    assert {"ansible-playbook", "ansible-vault", "ansible-runner"} <= {file.name for file in tmp_path.iterdir()}
    command = (str(tmp_path / "ansible-vault"), "--version")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # The link is outside of the environment, so that its packages may not be found; the script itself is run.
    assert "ansible" in done.stdout + done.stderr


def test_a_persons_program_runs_nothing_of_the_folder_that_they_are_in(tmp_path: Path) -> None:
    import sys

    line = PROGRAMS["homeprod"].replace("/opt/homeprod/current/bin/python", sys.executable)
    assert sys.executable in line
    for name in ("argparse.py", "homeprod.py"):
        (tmp_path / name).write_text("raise SystemExit('a trap')\n")
    command = ("sh", "-c", line, "homeprod", "--help")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "a trap" in done.stderr) == (0, False), done.stderr


INSTALLING = """
import sys
from pathlib import Path
from homeprod.control.install import find_prefix, make_programs
make_programs(Path(sys.argv[1]), find_prefix(), Path(sys.argv[2]))
"""


def test_an_installation_through_the_installed_program_points_to_the_version_in_use(tmp_path: Path) -> None:
    """As `sudo homeprod control install` is run after a change of its settings."""
    import sys

    version, current, programs = tmp_path / "0a1b2c", tmp_path / "current", tmp_path / "bin"
    programs.mkdir()
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(version)), check=True, timeout=60)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)}
    for python in (version, current, current):
        command = (str(python / "bin" / "python"), "-c", INSTALLING, str(programs), str(current))
        subprocess.run(command, env=env, check=True, timeout=60)
        assert current.readlink() == version
    assert (programs / "unlock.sh").resolve() == programs / "unlock"


def test_a_certificate_is_made_once_and_fits_its_key(tmp_path: Path) -> None:
    make_certificate(tmp_path, "lab-ansible")
    before = (tmp_path / "certificate.pem").read_bytes()
    make_certificate(tmp_path, "lab-ansible")
    assert (tmp_path / "certificate.pem").read_bytes() == before
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o640
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    certificate = x509.load_pem_x509_certificate(before)
    years = certificate.not_valid_before_utc.year, certificate.not_valid_after_utc.year
    assert years == (2000, 9999), "whatever a clock says that is not set yet"


@pytest.mark.parametrize("file", ["key.pem", "certificate.pem"])
def test_a_certificate_that_cannot_be_written_is_made_at_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    with monkeypatch.context() as full:
        full.setattr("homeprod.control.certificate.write_whole", fill_at(tmp_path / file))
        with pytest.raises(OSError, match="No space left on device"):
            make_certificate(tmp_path, "lab-ansible")
    assert not (tmp_path / "certificate.pem").exists()
    make_certificate(tmp_path, "lab-ansible")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
