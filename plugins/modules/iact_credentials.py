#!/usr/bin/python
# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iact_credentials
short_description: Write the credentials files of the role iact_maintenance
version_added: 0.1.1
description:
  - Writes C(~/.my.cnf) and C(~/.pgpass) of the maintenance account, and those of jobs with their own account, for each
    password that is given.
  - Only the account can read the files (mode 0600). They are replaced atomically; links are not followed.
  - They are read back with the command's own parser.
requirements:
  - Python 3.9 or newer
extends_documentation_fragment:
  - iact.maintenance._attributes
options:
  variables:
    description:
      - The role's variables by their full names, as a JSON text.
      - A single text, so that Ansible hides it completely, because it contains passwords.
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows owner, group, mode and whether the content differs, never the content.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - IACT maintainers (@iact)
"""

EXAMPLES = r"""
- name: Write the credentials of the databases
  vars:
    given:
      iact_maintenance_user: callcenter
      iact_maintenance_mysql_login_user: iact
      iact_maintenance_mysql_login_password: "{{ vault_mysql_password }}"
  iact.maintenance.iact_credentials:
    variables: "{{ given | to_json }}"
"""

RETURN = r"""
files:
  description: Paths of the files, and whether each was written.
  returned: success
  type: dict
  sample: {/var/lib/iact/.my.cnf: true}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.iact.maintenance.plugins.module_utils import _python  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import writing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.variables import from_json


def shown(change: writing.Change) -> dict[str, str]:
    """Return the difference that a change makes, without any value."""
    before = change.before.words if change.before else ""
    return {"before_header": change.path, "after_header": change.path, "before": before, "after": change.after.words}


def main() -> None:
    """Write what differs, and say which files that were."""
    spec = {"variables": {"type": "str", "no_log": True, "required": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        changes = writing.plan(from_json(module.params["variables"]), Host())
        for change in changes:
            if change.is_needed and not module.check_mode:
                writing.apply(change)
    except MaintenanceError as error:
        module.fail_json(msg=error.message)
    needed = [change for change in changes if change.is_needed]
    files = {change.path: change.is_needed for change in changes}
    module.exit_json(changed=bool(needed), files=files, diff=[shown(change) for change in needed])


if __name__ == "__main__":
    main()
