#!/usr/bin/python
# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module session_cleanup: documentation, and nothing but a call of the job."""

from __future__ import annotations

DOCUMENTATION = r"""
module: session_cleanup
short_description: Delete expired Django sessions
version_added: 0.1.0
description:
  - Deletes the rows of Django's session table whose C(expire_date) has passed, and nothing else.
  - Uses short transactions. Each one tests the expiry again, so that a session that is renewed in the meantime is kept.
  - Check mode deletes nothing and returns exactly what the real run would delete.
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
    - 'Default: V(30), unless the config file sets it.'
    type: float
  engine:
    description:
    - Engine that holds the sessions; C(auto) takes it from the Django project, or from the only configured connection.
    - 'Default: V(auto), unless the config file sets it.'
    type: str
    choices:
    - auto
    - mysql
    - postgresql
    - sqlite
  table:
    description:
    - Name of the session table; with a Django project it is taken from there.
    - 'Default: V(django_session), unless the config file sets it.'
    type: str
  use_tz:
    description:
    - Whether the site stores times in UTC (Django's USE_TZ). Needed on MySQL, MariaDB and SQLite if the project is
      not asked.
    type: bool
  time_zone:
    description:
    - The site's TIME_ZONE, needed if use_tz is false and the project is not asked.
    - 'Default: V(UTC), unless the config file sets it.'
    type: str
  days:
    description:
    - Keep sessions that expired less than this many days ago.
    - 'Allowed: a whole number from 0 to 36500.'
    - 'Default: V(0), unless the config file sets it.'
    type: int
  batch_rows:
    description:
    - Rows to delete in one transaction.
    - 'Allowed: a whole number from 1 to 100000.'
    - 'Default: V(1000), unless the config file sets it.'
    type: int
  pause_seconds:
    description:
    - Pause between two transactions, in seconds.
    - 'Allowed: a number from 0 to 60.'
    - 'Default: V(0.02), unless the config file sets it.'
    type: float
  warning_rows:
    description:
    - Number of remaining rows above which to warn.
    - 'Allowed: a whole number from 1 to 2147483647.'
    - 'Default: V(50000), unless the config file sets it.'
    type: int
  critical_rows:
    description:
    - Number of remaining rows above which the status is critical.
    - 'Allowed: a whole number from 1 to 2147483647.'
    - 'Default: V(100000), unless the config file sets it.'
    type: int
  missing_ok:
    description:
    - 'Accept a session table that does not exist: there is nothing to do.'
    - 'Default: V(false), unless the config file sets it.'
    type: bool
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: iact.maintenance.iact_health
"""

EXAMPLES = r"""
- name: Delete expired sessions as the host's config file says
  iact.maintenance.session_cleanup:

- name: Keep sessions for 30 days after they expired, in a database that no config file names
  iact.maintenance.session_cleanup:
    days: 30
    engine: sqlite
    use_tz: true
    sqlite:
      path: /srv/iact/db.sqlite3
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
  sample: session_cleanup
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
  sample: deleted 90,000 sessions in 3.9 s; 30,000 remain
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
dry_run:
  description: Always V(true).
  returned: in check mode
  type: bool
busy:
  description: Whether another run held the lock.
  returned: when another run held the lock
  type: bool
# What this job returns besides.
engine:
  description: Engine that holds the sessions.
  returned: when the table was read
  type: str
table:
  description: Name of the session table.
  returned: when the table was read
  type: str
cutoff_at:
  description: Sessions that expired before this time are eligible, ISO 8601 in UTC.
  returned: when the table was read
  type: str
total:
  description: Rows before the run.
  returned: when the table was read
  type: int
total_is_lower_bound:
  description: Whether RV(total) is a lower bound.
  returned: when the table was read
  type: bool
expired:
  description: Rows that had expired before the run.
  returned: when the table was read
  type: int
expired_is_lower_bound:
  description: Whether RV(expired) is a lower bound.
  returned: when the table was read
  type: bool
eligible:
  description: Rows to delete; exact.
  returned: when the table was read
  type: int
size_before:
  description: Size of the table before the run, as its server reports it.
  returned: when the table was read
  type: dict
  contains: &size
    total_bytes:
      description: Size of the table with its indexes, in bytes; null if unknown.
      type: int
    disk_bytes:
      description: Size of the file that holds it, in bytes; null if unknown.
      type: int
    reusable_bytes:
      description: Free space inside that file, in bytes; null if unknown.
      type: int
    statistics_at:
      description: Time at which the server gathered the numbers, if they are statistics.
      type: str
    reason:
      description: Reason for which a number is null.
      type: str
deleted:
  description: Rows deleted; exact.
  returned: after a deletion, also an incomplete one
  type: int
remaining:
  description: Rows after the run.
  returned: when the table was read
  type: int
eligible_remaining:
  description: Eligible rows after the run.
  returned: after a deletion
  type: int
deletion_seconds:
  description: Duration of the deletion, in seconds.
  returned: after a deletion
  type: float
size_after:
  description: Size of the table after the run, as its server reports it.
  returned: after a deletion
  type: dict
  contains: *size
returned_bytes:
  description: Space returned to the disk, in bytes; null if unknown.
  returned: after a deletion
  type: int
"""

from ansible_collections.iact.maintenance.plugins.module_utils import _module


def main() -> None:
    """End the module with the report of the session cleanup."""
    _module.run("session_cleanup")


if __name__ == "__main__":
    main()
