"""Changes of a playbook repository, drawn by a seed: such as people make, and some that only move text about."""

from __future__ import annotations

import random
from collections.abc import Callable

Files = dict[str, str]


def draw_change(files: Files, seed: int) -> tuple[Files, str]:
    """The files after one to three changes, and what was done."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    after, done = dict(files), []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        change = draw.choice(_CHANGES)
        done.append(change(after, draw))
    return after, "; ".join(done)


def _pick(files: Files, draw: random.Random, *starts: str) -> str:
    return draw.choice(sorted(path for path in files if path.startswith(starts)))


def _set_variable(files: Files, draw: random.Random) -> str:
    groups = [f"group_vars/{name}.yml" for name in ("all", "web", "env_prod", "above")]
    hosts = [f"host_vars/{name}.yml" for name in ("one", "two", "three")]
    path = draw.choice([*groups, *hosts, *(f"roles/{name}/defaults/main.yml" for name in ("base", "common"))])
    name = draw.choice(("motto", "greeting", "title", "shared", "port", "own"))
    lines = [line for line in files.get(path, "").splitlines() if not line.startswith(f"{name}:")]
    files[path] = "\n".join([*lines, f"{name}: drawn {draw.randrange(1000)}", ""])
    return f"{path}: {name}"


def _edit_content(files: Files, draw: random.Random) -> str:
    path = _pick(files, draw, "roles/web/templates/", "roles/web/files/", "files/")
    files[path] += f"and {draw.randrange(1000)}\n"
    return f"more in {path}"


def _add_task(files: Files, draw: random.Random) -> str:
    path = _pick(files, draw, "roles/web/tasks/", "roles/base/tasks/", "roles/common/tasks/", "roles/database/tasks/")
    name = f"drawn-{draw.randrange(1000)}"
    files[path] += _copy("x", name)
    return f"a task in {path}"


def _copy(content: str, name: str) -> str:
    place = "{{ root }}/{{ inventory_hostname }}"
    return f'- ansible.builtin.copy: {{content: "{content}", dest: "{place}/{name}", mode: "0644"}}\n'


def _add_play(files: Files, draw: random.Random) -> str:
    pattern = draw.choice(("one", "web", "all:!three", "env_prod", "t*", "above:&env_lab", "web[0]", "~t(wo|hree)"))
    role = draw.choice(("common", "unused", "web"))
    files["site.yml"] += f'- hosts: "{pattern}"\n  gather_facts: false\n  roles: [{role}]\n'
    return f"a play for {pattern} with {role}"


def _change_inventory(files: Files, draw: random.Random) -> str:
    old, new = draw.choice(
        (
            ("own: first", "own: other"),
            ("own: third", "own: other"),
            ("port: 80", "port: 81"),
            ("env_prod: {hosts: {three: {}}}", "env_prod: {hosts: {three: {}}, vars: {own: group}}"),
            ("web: {hosts: {one: {}, two: {}}", "web: {hosts: {one: {}}"),
            ("above: {children: {web: {}}}", "above: {children: {web: {}}, vars: {motto: above}}"),
        )
    )
    files["site/inventory.yml"] = files["site/inventory.yml"].replace(old, new)
    return f"the inventory: {new}"


def _depend(files: Files, draw: random.Random) -> str:
    role = draw.choice(("base", "database", "common"))
    files[f"roles/{role}/meta/main.yml"] = "dependencies: [unused]\n"
    files["roles/unused/tasks/main.yml"] = _copy("u", "u")
    return f"{role} depends on unused"


def _write_otherwise(files: Files, draw: random.Random) -> str:
    path = _pick(files, draw, "roles/base/tasks/", "site.yml", "README.md")
    files[path] = f"# drawn {draw.randrange(1000)}\n{files[path]}"
    return f"a remark in {path}"


def _read_a_file(files: Files, draw: random.Random) -> str:
    path = _pick(files, draw, "roles/web/tasks/more", "roles/common/tasks/")
    files["roles/unused/files/far.txt"] = f"far {draw.randrange(1000)}\n"
    files[path] += _copy("{{ lookup('file', playbook_dir ~ '/roles/unused/files/far.txt') }}", "far")
    return f"{path} reads another role's file"


_CHANGES: tuple[Callable[[Files, random.Random], str], ...] = (
    _set_variable,
    _set_variable,
    _set_variable,
    _edit_content,
    _add_task,
    _add_play,
    _change_inventory,
    _change_inventory,
    _depend,
    _write_otherwise,
    _read_a_file,
)
