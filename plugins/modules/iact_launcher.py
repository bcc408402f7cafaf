#!/usr/bin/python
# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iact_launcher
short_description: Install the command iact-maintenance on a host
version_added: 0.1.0
description:
  - Writes the command C(iact-maintenance) as a single executable file, which only needs the host's Python.
  - The file is replaced atomically, so that cron never starts an incomplete one.
  - The same version produces the same file, so a second run changes nothing.
requirements:
  - Python 3.9 or newer
extends_documentation_fragment:
  - iact.maintenance._attributes
options:
  path:
    description:
      - Absolute path of the command, in a directory that exists.
      - A file there that is no earlier version of the command is never touched. A damaged one is replaced.
    type: path
    default: /usr/local/bin/iact-maintenance
  state:
    description:
      - V(present) installs or updates the command, V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows the installed and the new version.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - IACT maintainers (@iact)
"""

EXAMPLES = r"""
- name: Install the command
  iact.maintenance.iact_launcher:

- name: Remove the command
  iact.maintenance.iact_launcher:
    state: absent
"""

RETURN = r"""
path:
  description: Path of the command.
  returned: always
  type: str
  sample: /usr/local/bin/iact-maintenance
version:
  description: Version of the command after the run; empty if it is absent.
  returned: always
  type: str
  sample: 0.1.0
previous_version:
  description: Version of the command before the run; empty if it was absent or damaged.
  returned: always
  type: str
  sample: 0.1.0
"""

import hashlib
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.iact.maintenance.plugins.module_utils import (  # pylint: disable=unused-import
    _launcher,
    _python,  # noqa: F401
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import about
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import start
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host

# What the command needs travels to the host because this module imports it.
ENTRY = start.start
MODE = 0o755


def wanted(state: str) -> bytes | None:
    """Return the command's file, or None if it is to be absent."""
    if state == "absent":
        return None
    archive = getattr(about.__loader__, "archive", None)
    return _launcher.build(_launcher.core_sources(about.__file__, archive))


def shown(content: bytes | None) -> str:
    """Return a line that says which version a file is; the digest tells two builds of one version apart."""
    if content is None:
        return ""
    version = _launcher.version_of(content) or "damaged"
    return f"iact-maintenance {version} (sha256 {hashlib.sha256(content).hexdigest()[:12]})\n"


def change(path: str, after: bytes | None) -> None:
    """Write or remove the file. Raise MaintenanceError or OSError."""
    if after is None:
        os.unlink(path)
    else:
        Host().write_atomic(path, after, MODE)


def main() -> None:
    """Compare, change, and say from which version to which."""
    spec = {
        "path": {"type": "path", "default": "/usr/local/bin/iact-maintenance"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    path, after = module.params["path"], wanted(module.params["state"])
    try:
        _launcher.check_path(path, module.params["state"])
        before, mode = _launcher.present(path, MODE)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be read: {error.strerror}")
    changed = before != after or (after is not None and mode != MODE)
    versions = [_launcher.version_of(content or b"") or "" for content in (after, before)]
    if changed and not module.check_mode:
        try:
            change(path, after)
        except (MaintenanceError, OSError) as error:
            module.fail_json(msg=f"{path} cannot be written: {error}")
    header = {"before_header": path, "after_header": path, "before": shown(before), "after": shown(after)}
    module.exit_json(changed=changed, path=path, version=versions[0], previous_version=versions[1], diff=header)


if __name__ == "__main__":
    main()
