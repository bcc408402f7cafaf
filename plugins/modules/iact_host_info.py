#!/usr/bin/python
# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iact_host_info
short_description: Says what the role iact_maintenance finds on a host, and what it would refuse
version_added: 0.1.1
description:
  - Looks at a host as the role C(iact.maintenance.iact_maintenance) does before it changes anything. Changes nothing.
  - Gives every reason to stop at once, each with the variable to set.
  - No value of a connection, no password and no text of a crontab line is in its result.
options:
  variables:
    description:
      - The role's variables by their full names, as a JSON text; what is not set has the role's default.
      - One text, so that Ansible hides it as a whole, since it may hold passwords.
    type: str
attributes:
  check_mode:
    description: Changes nothing, so that check mode and a real run are the same.
    support: full
  diff_mode:
    description: Shows no difference, since it changes nothing.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - IACT maintainers (@iact)
"""

EXAMPLES = r"""
- name: See what the role would refuse on a host
  iact.maintenance.iact_host_info:
    variables: "{{ {'iact_maintenance_user': 'callcenter'} | to_json }}"
  register: seen

- name: Show it
  ansible.builtin.debug:
    msg: "{{ seen.refusals | map(attribute='message') }}"
"""

RETURN = r"""
refusals:
  description: Every reason for which the role would stop before anything changed.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: A stable name of the reason.
      type: str
      sample: bad_option
    message:
      description: What is wrong, and what to do.
      type: str
      sample: "iact_maintenance_backup_retention_days is -1: a whole number from 1 to 36500 is allowed"
    variable:
      description: The variable to set; empty if none helps.
      type: str
      sample: iact_maintenance_backup_retention_days
"""

import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import preflight


def main() -> None:
    """Look at the host, and give what was seen."""
    spec = {"variables": {"type": "str", "no_log": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        variables = json.loads(module.params["variables"] or "{}")
    except ValueError:
        module.fail_json(msg="variables is no JSON text; it is not shown, since it may hold a password")
    if not isinstance(variables, dict):
        module.fail_json(msg="variables: a JSON object is allowed, with the role's variables by their names")
    module.exit_json(changed=False, **preflight.look(variables))


if __name__ == "__main__":
    main()
