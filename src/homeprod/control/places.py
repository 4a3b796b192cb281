"""Where the control node keeps what it has: one value, so that a test or a benchmark has places of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """``persistent`` lies on the data disk and outlives the machine; ``runtime`` is memory; ``cache`` can be had
    again; ``settings`` came with cloud-init; ``tls`` holds certificate.pem and key.pem of the doorbell."""

    settings: Path = Path("/etc/homeprod/control.json")
    tls: Path = Path("/etc/homeprod/tls")
    persistent: Path = Path("/var/lib/ansible")
    runtime: Path = Path("/run/homeprod")
    cache: Path = Path("/var/cache/homeprod")

    @classmethod
    def below(cls, folder: Path) -> Places:
        """All of them below one folder; none is made."""
        return cls(
            settings=folder / "control.json",
            tls=folder / "tls",
            persistent=folder / "persistent",
            runtime=folder / "run",
            cache=folder / "cache",
        )

    @classmethod
    def read(cls, file: Path) -> Places:
        """As :meth:`write` wrote them."""
        return cls(**{name: Path(value) for name, value in json.loads(file.read_text()).items()})

    def write(self, file: Path) -> None:
        file.write_text(json.dumps({name: str(value) for name, value in asdict(self).items()}))

    @property
    def keyring_folder(self) -> Path:
        return self.persistent / "keyring"

    @property
    def public_file(self) -> Path:
        """The public halves of what the keyring holds, as JSON; for everybody."""
        return self.persistent / "public.json"

    @property
    def database(self) -> Path:
        """In a folder of its own, which the daemon may write to."""
        return self.persistent / "ledger" / "control.db"

    @property
    def snapshot_file(self) -> Path:
        """What was last said of Proxmox's part, beside the ledger."""
        return self.database.with_name("snapshot.json")

    @property
    def keyholder_socket(self) -> Path:
        """For people who administer the node."""
        return self.runtime / "keyholder.sock"

    @property
    def daemon_socket(self) -> Path:
        """For the daemon: the state, and which runs are open; nothing secret goes out of it."""
        return self.runtime / "keyholder-daemon.sock"

    def vault_socket(self, environment: str) -> Path:
        return self.runtime / "vault" / f"{environment}.sock"

    def authority_socket(self, environment: str) -> Path:
        """Where a run has a request for a certificate signed."""
        return self.runtime / "authority" / f"{environment}.sock"

    def agent_socket(self, name: str) -> Path:
        """Of the ssh-agent of an environment, or of ``deploy``."""
        return self.runtime / "agent" / f"{name}.sock"

    def run_socket(self, environment: str) -> Path:
        """Where systemd starts a worker for whoever connects."""
        return self.runtime / f"run-{environment}.sock"
