#!/usr/bin/python
"""Deliver the whole configuration of an nginx, or leave the one that works."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_configuration
short_description: Deliver the whole configuration of an nginx, or leave the one that works
description:
  - The new configuration is written beside the old one, tried by C(nginx -t), and put in its place at once; nginx
    takes it over by a reload, which ends no connection.
  - Each probe is asked before and after. Where one gets a worse answer than before, the old configuration comes
    back, and the task fails.
  - Equal bytes that are served are left alone, so nothing is reloaded. A delivery that was broken off is taken up by
    the next.
author: the homeprod contributors (@homeprod)
options:
  content:
    description: The whole file.
    type: str
    required: true
  dest:
    description: Where nginx reads it.
    type: path
    default: /etc/nginx/nginx.conf
  start:
    description: The command that starts this nginx where it does not run.
    type: list
    elements: str
    default: [systemctl, start, nginx.service]
  probes:
    description: What is asked of it, as its clients would.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name in the TLS hello, and the Host.
        type: str
        required: true
      address:
        description: Where to.
        type: str
        required: true
      port:
        description: Where to.
        type: int
        required: true
      secure:
        description: Whether over TLS.
        type: bool
        default: true
      certificate:
        description: A file whose first certificate has to be the one that is shown. Empty is any.
        type: str
        default: ""
attributes:
  check_mode:
    support: full
    description: The new configuration is tried, and nothing is changed.
  diff_mode:
    support: full
    description: The configuration before and after.
"""
EXAMPLES = r"""
- name: Serve the entry
  homeprod.site.nginx_configuration:
    content: "{{ lookup('ansible.builtin.file', 'site/entry/lab-proxy/nginx.conf') }}"
    probes:
      - name: demo.lab.example.com
        address: 192.0.2.20
        port: 443
"""
RETURN = r"""
unwell:
  description: The probes that got no good answer, and got no better one before.
  type: list
  elements: str
  returned: success
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.delivery import Delivery, DeliveryError
from ..module_utils.probe import Probe
from ..module_utils.server import Server, ServerError

_PROBE = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "secure": {"type": "bool", "default": True},
    "certificate": {"type": "str", "default": ""},
}
_OPTIONS = {
    "content": {"type": "str", "required": True},
    "dest": {"type": "path", "default": "/etc/nginx/nginx.conf"},
    "start": {"type": "list", "elements": "str", "default": ["systemctl", "start", "nginx.service"]},
    "probes": {"type": "list", "elements": "dict", "options": _PROBE, "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=_OPTIONS, supports_check_mode=True)
    given, file = module.params, Path(module.params["dest"])
    delivery = Delivery(Server(file, given["start"]), [Probe(**probe) for probe in given["probes"]])
    try:
        told = {"diff": _show(file, given["content"])} if module._diff else {}
        told |= _try(delivery, given["content"]) if module.check_mode else _deliver(delivery, given["content"])
    except ServerError as error:
        module.fail_json(msg=f"nginx does not take this configuration; the one in place keeps serving\n{error}")
    except DeliveryError as error:
        module.fail_json(msg=f"the new configuration does not serve as the old one did\n{error}")
    except OSError as error:
        module.fail_json(msg=f"{file} cannot be written; the configuration in place keeps serving: {error}")
    module.exit_json(**told)


def _try(delivery: Delivery, text: str) -> dict[str, Any]:
    if not delivery.differs(text):
        return {"changed": False, "unwell": []}
    delivery.test(text)
    return {"changed": True, "unwell": []}


def _deliver(delivery: Delivery, text: str) -> dict[str, Any]:
    done = delivery.deliver(text)
    return {"changed": done.changed, "unwell": list(done.unwell)}


def _show(file: Path, text: str) -> dict[str, str]:
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    return {"before": before, "after": text, "before_header": str(file), "after_header": str(file)}


if __name__ == "__main__":
    main()
