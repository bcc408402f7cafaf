# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""End a module with one sentence if the host's Python is too old for the core.

Modules import this file before the core, so it must run on every Python that Ansible supports.
"""

from __future__ import annotations

import json
import sys

OLDEST = (3, 9)

if sys.version_info < OLDEST:
    running = ".".join(str(number) for number in sys.version_info[:3])
    sentence = (
        f"iact.maintenance needs Python 3.9 or newer on the host, and {sys.executable} is {running}: "
        "set ansible_python_interpreter to a newer one"
    )
    sys.stdout.write(json.dumps({"failed": True, "msg": sentence}) + "\n")
    raise SystemExit(1)
