#!/usr/bin/python
# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module iact_health: documentation, and nothing but a call of the job."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iact_health
short_description: Check the health of a Django site, its databases, disks and jobs
version_added: 0.1.0
description:
  - Checks that the Django project loads, that its dependencies can be imported, that its sessions are kept in a
    database, that no migration is pending, that each configured database answers a query, that the session table is
    small enough, that the disks have free space, that the newest good backup is recent enough, and that each scheduled
    job has run.
  - The checks run concurrently. Each has a deadline, and so has the whole. A database that accepts a connection and
    never answers fails its own check and does not delay the others.
  - On a host that the role provisioned the module needs no parameters.
  - Changes nothing on the site. Check mode runs every check, without storing since when a check fails.
requirements:
  - PyMySQL for MySQL and MariaDB
  - psycopg2 for PostgreSQL
  - The Python of the Django project, which C(django.python) names, if the project is asked
extends_documentation_fragment:
  - iact.maintenance._attributes
  - iact.maintenance._attributes.actiongroup
  - iact.maintenance._connections
options:
  expected_seconds:
    description:
    - Expected maximum duration of a run, in seconds; a longer run gets the finding C(slow) and is not stopped.
    - 'Allowed: a number from 0 to 604800.'
    - 'Default: V(10), unless the config file sets it.'
    type: float
  deadline_seconds:
    description:
    - Maximum duration of the whole check, in seconds, whatever hangs.
    - 'Allowed: a number from 1 to 300.'
    - 'Default: V(9), unless the config file sets it.'
    type: float
  disk_warning_percent:
    description:
    - Free space in percent below which to warn.
    - 'Allowed: a number from 0 to 100.'
    - 'Default: V(20), unless the config file sets it.'
    type: float
  disk_critical_percent:
    description:
    - Free space in percent below which the check fails.
    - 'Allowed: a number from 0 to 100.'
    - 'Default: V(10), unless the config file sets it.'
    type: float
  allowed_session_engines:
    description:
    - Session engines that are allowed, by module path.
    - 'Default: V(django.contrib.sessions.backends.db), unless the config file sets it.'
    type: list
    elements: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is ever changed.
  idempotent:
    support: full
seealso:
  - module: iact.maintenance.session_cleanup
"""

EXAMPLES = r"""
- name: Check the host's health, and fail if a check fails
  iact.maintenance.iact_health:

- name: Check it, and continue in any case
  iact.maintenance.iact_health:
    fail_on: never
  register: health

- name: Show what does not pass
  ansible.builtin.debug:
    var: health.findings

- name: Check a site without a config file
  iact.maintenance.iact_health:
    django:
      project_path: /srv/iact/api/callcentersite
      python: /srv/iact/venv/bin/python
      settings_module: callcentersite.settings.production
      env_file: /srv/iact/.env
    postgresql:
      login_host: 127.0.0.1
      login_db: iact
    state_directory: /srv/iact/state
"""

RETURN = r"""
time:
  description: When the run began, ISO 8601 in UTC.
  returned: always
  type: str
  sample: '2026-01-31T02:00:00Z'
host:
  description: Name of the host.
  returned: always
  type: str
job:
  description: Name of the job.
  returned: always
  type: str
  sample: health
outcome:
  description: The word V(done), or what ended the run.
  returned: always
  type: str
  sample: done
status:
  description: The worst of the findings; V(ok), V(warning), V(critical) or V(unknown).
  returned: always
  type: str
  sample: ok
summary:
  description: The run in one sentence.
  returned: always
  type: str
  sample: 'healthy: 11 checks pass'
duration_seconds:
  description: Duration of the run, in seconds.
  returned: always
  type: float
findings:
  description: What needs attention; also the warnings, which Ansible removes from registered results.
  returned: always
  type: list
  elements: dict
  contains:
    severity:
      description: One of V(info), V(warning), V(critical), V(unknown).
      type: str
    code:
      description: Stable word for what happened; for a health check that has no other, its name.
      type: str
    subject:
      description: The check, component, table, log or archive that it is about, or the job as a whole.
      type: str
    message:
      description: What happened, in one sentence.
      type: str
    hint:
      description: What to do next.
      type: str
measures:
  description: The figures of the run.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What was measured.
      type: str
    value:
      description: The figure.
      type: float
    unit:
      description: V(s) for seconds, V(%) for percent, V(B) for bytes; missing for a count.
      type: str
    warning:
      description: Limit of a warning, as a Nagios range, if there is one.
      type: str
    critical:
      description: Limit of what is critical, as a Nagios range, if there is one.
      type: str
# What this job returns besides.
checks:
  description: Every check of this site.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    name:
      description: Name of the check, with the alias, directory or job that it is about.
      type: str
      sample: migrations_default
    status:
      description: One of V(pass), V(warn), V(fail), V(skip).
      type: str
    message:
      description: Result of the check.
      type: str
    code:
      description: Stable word for the problem, if it has one.
      type: str
      sample: timeout
    duration_seconds:
      description: Duration of the check, in seconds.
      type: float
    hint:
      description: What to do next, for a check that warns or fails.
      type: str
    since_at:
      description: Time since which it warns or fails, ISO 8601 in UTC.
      type: str
    measured:
      description: The figure that the check compares with its limits, if any; also in RV(measures).
      type: dict
      contains:
        value:
          description: The figure.
          type: float
        unit:
          description: V(s) for seconds, V(%) for percent; missing for a number of rows.
          type: str
        warning:
          description: Limit of a warning, as a Nagios range.
          type: str
        critical:
          description: Limit of a failure, as a Nagios range.
          type: str
"""

from ansible_collections.iact.maintenance.plugins.module_utils import _module


def main() -> None:
    """End the module with the report of the health check."""
    _module.run("health")


if __name__ == "__main__":
    main()
