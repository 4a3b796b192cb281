"""Playbook repositories as values, for tests: every way in which one file of Ansible's leads to another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import homeprod
from homeprod.core.tree import File, Kind, Tree
from homeprod.drivers.apps.tree import read_work_tree
from homeprod.promotion.affected import find_affected
from homeprod.promotion.closure import Revision

COLLECTION = read_work_tree(
    Path(homeprod.__file__).parent / "ansible" / "collections" / "ansible_collections" / "homeprod" / "site"
)
INVENTORY = """\
all:
  children:
    env_lab: {hosts: {one: {}, two: {}}}
    env_prod: {hosts: {three: {}}}
    web: {hosts: {one: {}, two: {}}, vars: {port: 80}}
    above: {children: {web: {}}}
  hosts:
    one: {own: first}
    two: {own: second}
    three: {own: third}
"""
BASE: dict[str, str] = {
    "site/inventory.yml": INVENTORY,
    "site.yml": """\
- name: everybody
  hosts: all
  gather_facts: false
  roles: [base]
- name: the web
  hosts: web
  gather_facts: false
  roles:
    - role: web
- hosts: three
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: database}
    - ansible.builtin.copy: {src: loose.txt, dest: "{{ root }}/{{ inventory_hostname }}/loose", mode: "0644"}
""",
    "roles/base/tasks/main.yml": """\
- ansible.builtin.copy: {content: "{{ greeting }} {{ own }}", dest: "{{ root }}/{{ inventory_hostname }}/base",
    mode: "0644"}
""",
    "roles/base/defaults/main.yml": "greeting: hello\n",
    "roles/web/meta/main.yml": "dependencies: [{role: common}]\n",
    "roles/web/tasks/main.yml": """\
- ansible.builtin.template: {src: page.j2, dest: "{{ root }}/{{ inventory_hostname }}/page", mode: "0644"}
- ansible.builtin.import_tasks: more.yml
""",
    "roles/web/tasks/more.yml": """\
- ansible.builtin.copy: {src: static.txt, dest: "{{ root }}/{{ inventory_hostname }}/static", mode: "0644"}
""",
    "roles/web/templates/page.j2": "{{ port }} {{ title }} {% include 'part.j2' %}\n",
    "roles/web/templates/part.j2": "{{ motto }}\n",
    "roles/web/files/static.txt": "static\n",
    "roles/web/vars/main.yml": "title: the page\n",
    "roles/common/tasks/main.yml": """\
- ansible.builtin.copy: {content: "{{ shared }}", dest: "{{ root }}/{{ inventory_hostname }}/common", mode: "0644"}
""",
    "roles/common/defaults/main.yml": "shared: common\n",
    "roles/database/tasks/main.yml": """\
- ansible.builtin.copy: {content: "{{ hostvars['one'].own }} {{ groups['web'] | join }}",
    dest: "{{ root }}/{{ inventory_hostname }}/peers", mode: "0644"}
""",
    "roles/unused/tasks/main.yml": "- ansible.builtin.debug: {msg: nobody}\n",
    "files/loose.txt": "loose\n",
    "group_vars/all.yml": "motto: all for one\n",
    "group_vars/env_prod.yml": "greeting: good day\n",
    "host_vars/two.yml": "motto: two\n",
    "README.md": "# words\n",
}


def make_revision(files: Mapping[str, str], vault: Mapping[str, str] | None = None) -> Revision:
    return Revision(_make_tree(files), COLLECTION, _make_tree(vault) if vault is not None else None)


def _make_tree(files: Mapping[str, str]) -> Tree:
    return Tree({path: File(Kind.FILE, content.encode()) for path, content in files.items()})


def list_affected(after: Mapping[str, str], before: Mapping[str, str] = BASE) -> list[str]:
    return [one.host for one in find_affected(make_revision(before), make_revision(after))]
