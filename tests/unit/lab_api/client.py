"""A plain HTTP client for the tests of the lab's API."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.lab_server import LabServer


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    data: Any
    errors: Mapping[str, str]
    total: int | None = None


class Client:
    """Speaks to one lab as one token. ``run`` also waits for the task and gives its exit status."""

    def __init__(self, lab: LabServer, token: str | None = None) -> None:
        self._lab = lab
        self._headers = {"Authorization": f"PVEAPIToken={token or lab.token}"}
        self._tls = ssl.create_default_context(cafile=str(lab.ca_file))

    def call(self, method: str, path: str, **params: Any) -> Answer:
        target, body, headers = f"/api2/json{path}", None, dict(self._headers)
        named = {key.replace("_", "-") if key != "background_delay" else key: value for key, value in params.items()}
        if method in ("GET", "DELETE"):
            target += f"?{urlencode(named)}" if named else ""
        elif named:
            body = urlencode(named, doseq=True).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPSConnection("127.0.0.1", self._lab.port, context=self._tls, timeout=30)
        try:
            connection.request(method, quote(target, safe="/?&=%:+,"), body, headers)
            response = connection.getresponse()
            content = json.loads(response.read() or b"{}")
        finally:
            connection.close()
        return Answer(
            response.status, response.reason, content.get("data"), content.get("errors", {}), content.get("total")
        )

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, **params)
        assert answer.status == 200, answer
        return answer.data

    def run(self, method: str, path: str, **params: Any) -> str:
        """The exit status of the task that the call begins."""
        answer = self.call(method, path, **params)
        assert answer.status == 200, answer
        task = self._lab.run(self._lab.hypervisor.tasks.wait(answer.data))
        return str(task.exitstatus)

    def create(self, vmid: int, **params: Any) -> None:
        assert self.run("POST", "/nodes/pve/qemu", vmid=vmid, **params) == "OK"
