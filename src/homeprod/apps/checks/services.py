"""What a compose file may say at all, as far as it can be told without docker compose itself.

Rules from outside: the Compose Specification, whose schema takes no other keys than these. One that is none of them
and near to none is left to ``docker compose config``: a later compose may know it.
"""

from __future__ import annotations

from homeprod.apps.document import Table, Value
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import Stack
from homeprod.core.likeness import suggest

_TOP_KEYS = "name version services networks volumes configs secrets include models"
_SERVICE_KEYS = """annotations attach build blkio_config cap_add cap_drop cgroup cgroup_parent command configs
    container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus
    cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search
    domainname driver_opts entrypoint env_file environment expose extends external_links extra_hosts gpus
    group_add healthcheck hostname image init ipc isolation label_file labels links logging mac_address
    mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
    oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy
    pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open
    stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts
    volumes volumes_from working_dir"""
_TOP, _SERVICE = _TOP_KEYS.split(), _SERVICE_KEYS.split()


def check_services(stack: Stack, sheet: Sheet) -> None:
    for part in stack.parts:
        _check_keys(part.document, _TOP, "compose", sheet)
        services = part.document.get("services")
        if services is not None and not isinstance(services, Table):
            sheet.refuse(services.place, "services: names of services are expected", "a compose file has services")
        for name, service in services if isinstance(services, Table) else ():
            _check_service(name, service, part.document.find("services"), sheet)
    _check_sources(stack, sheet)


def _check_service(name: str, service: Value, place: Place, sheet: Sheet) -> None:
    if isinstance(service, Table):
        _check_keys(service, _SERVICE, f"service {name}", sheet)
    else:
        sheet.refuse(service.place or place, f"service {name} says nothing", "give it an image")


def _check_sources(stack: Stack, sheet: Sheet) -> None:
    """Each needs something to run, in one of the files."""
    known: dict[str, list[Table]] = {}
    for name, service in stack.services:
        known.setdefault(name, []).append(service)
    for name, tables in known.items():
        if not any(table.get(key) for table in tables for key in ("image", "build", "extends", "provider")):
            sheet.refuse(tables[0].place, f"service {name} has neither image nor build", "give it an image")


def _check_keys(table: Table, known: list[str], where: str, sheet: Sheet) -> None:
    for key, scalar in table.keys.items():
        if key in known or key.startswith("x-"):
            continue
        if meant := suggest(key, known):
            sheet.refuse(scalar.place, f"{where} knows no {key!r}", meant)
        else:
            sheet.note(scalar.place, f"{where}: whether compose knows {key!r} is not known here")
