# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of what every module supports: each says how far, here stands what it means."""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of every module; `ACTIONGROUP` is for those of the action group."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, the second invocation indicates no change.
  platform:
    description: Target OS families that can be operated against.
    support: full
    platforms: Debian
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/iact.maintenance.maintenance) in C(module_defaults) to set defaults for all of them.
    support: full
    membership:
      - iact.maintenance.maintenance
"""
