#!/usr/bin/python
# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iact_host_info
short_description: Return facts about a host, and what the role iact_maintenance would refuse
version_added: 0.1.1
description:
  - Examines a host as the role C(iact.maintenance.iact_maintenance) does before it changes anything. Changes nothing.
  - Returns all reasons to stop at once, each with the variable to set.
  - The result has no connection values, no passwords and no text of crontab lines.
requirements:
  - Python 3.9 or newer
  - C(dpkg-query) and C(apt-get)
extends_documentation_fragment:
  - iact.maintenance._attributes
options:
  variables:
    description:
      - The role's variables by their full names, as a JSON text; for others the role's defaults apply.
      - A single text, so that Ansible hides it completely, because it may contain passwords.
    type: str
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
  diff_mode:
    description: The module changes nothing.
    support: none
  idempotent:
    description: The module changes nothing.
    support: full
author:
  - IACT maintainers (@iact)
"""

EXAMPLES = r"""
- name: Examine what the role would refuse on a host
  iact.maintenance.iact_host_info:
    variables: "{{ {'iact_maintenance_user': 'callcenter'} | to_json }}"
  register: host_info

- name: Show it
  ansible.builtin.debug:
    msg: "{{ host_info.refusals | map(attribute='message') }}"
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
remarks:
  description: Remarks that do not stop the role, each with C(code) and C(message); warnings as well.
  returned: as root
  type: list
  elements: dict
account:
  description:
    - The account of the jobs with its C(home) and C(group), and whether it C(exists).
    - Also whether the role made it (C(is_made_by_role)), and the C(groups_to_join).
  returned: as root
  type: dict
programs:
  description: Installed programs of those that the jobs use.
  returned: as root
  type: list
  elements: str
  sample: [crontab, logrotate, mariadb-dump]
packages:
  description: Packages that are C(missing), packages that would be C(removed) with them, and apt's C(fault).
  returned: as root
  type: dict
folders:
  description: Existing directories for library, state, logs and archives, each with its C(owner).
  returned: as root
  type: list
  elements: dict
credentials:
  description: Existing credentials files, whether the role wrote each, and the C(names) in it.
  returned: as root
  type: list
  elements: dict
credentials_to_write:
  description: Paths of the credentials files that the role writes.
  returned: as root
  type: list
  elements: str
rotation:
  description: Whether the rule for the jobs' logs is the role's, and other C(rules) for the same logs.
  returned: as root
  type: dict
crontab_lines:
  description: Lines of crontabs that start an old script or write into a log of the jobs, by file and number.
  returned: as root
  type: list
  elements: dict
jobs:
  description: The jobs that cron starts, each with its schedule in the words of M(ansible.builtin.cron).
  returned: as root
  type: list
  elements: dict
config:
  description: The content of the config file; empty if there are refusals.
  returned: as root
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.iact.maintenance.plugins.module_utils import _python  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import preflight
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.variables import from_json


def main() -> None:
    """Look at the host, and give what was seen."""
    spec = {"variables": {"type": "str", "no_log": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        variables = from_json(module.params["variables"] or "{}")
        seen = preflight.look(variables, Host(), is_rehearsal=module.check_mode)
    except MaintenanceError as error:
        module.fail_json(msg=error.message)
    for remark in seen.get("remarks", []):
        module.warn(remark["message"])
    module.exit_json(changed=False, **seen)


if __name__ == "__main__":
    main()
