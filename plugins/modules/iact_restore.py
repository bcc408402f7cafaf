#!/usr/bin/python
# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module iact_restore: documentation, and nothing but a call of the job."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iact_restore
short_description: Restore databases and files from a verified archive
version_added: 0.1.0
description:
  - Verifies the whole archive first, and refuses it if any byte differs from what was written.
  - Restores databases into new databases C(iact_restore_<time>_<n>), or into the empty database that is named, whose
    name must begin with C(iact_restore_); files into a new or empty directory. Nothing is ever overwritten.
  - Compares the numbers of restored rows with those in the archive's manifest.
  - Connects with an account for restores, from the section C(restore) or these parameters, never with a job's account.
  - Check mode restores nothing and returns what would be restored where.
requirements:
  - PyMySQL for MySQL and MariaDB, and psycopg2 for PostgreSQL
  - C(mariadb) or C(mysql) for MySQL and MariaDB
  - C(pg_restore) for PostgreSQL
  - C(zstd) for members that were compressed with it
extends_documentation_fragment:
  - iact.maintenance._attributes
  - iact.maintenance._attributes.actiongroup
  - iact.maintenance._connections
options:
  archive:
    description:
    - 'Archive to restore from: absolute path, name in the backup directory, or C(latest).'
    - 'Default: V(latest), unless the config file sets it.'
    type: str
  components:
    description:
    - Components to restore, by the names that C(archives NAME) lists; all by default.
    type: list
    elements: str
  target_database:
    description:
    - Empty database to restore into; its name must begin with C(iact_restore_).
    type: str
  target_directory:
    description:
    - Directory to restore files into; it must be empty, or is created.
    type: path
  deadline_seconds:
    description:
    - Maximum duration of one component, in seconds; then it is stopped.
    - 'Allowed: a whole number from 1 to 604800.'
    - 'Default: V(14400), unless the config file sets it.'
    type: int
  stall_timeout_seconds:
    description:
    - Maximum time without progress, in seconds; then the restore is stopped.
    - 'Allowed: a number from 0.1 to 86400.'
    - 'Default: V(300), unless the config file sets it.'
    type: float
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows each component that is restored and where.
  idempotent:
    support: none
    details: Every run restores into places of its own.
seealso:
  - module: iact.maintenance.iact_backup
"""

EXAMPLES = r"""
- name: Restore everything from the latest good archive
  iact.maintenance.iact_restore:
    target_directory: /var/tmp/restored

- name: Restore only the logs from a given archive
  iact.maintenance.iact_restore:
    archive: iact_data_backup_20260131_020000.tar
    components:
      - logs
    target_directory: /var/tmp/restored_logs

- name: Restore one database into an existing empty one
  iact.maintenance.iact_restore:
    components:
      - mysql.iact
    target_database: iact_restore_monday
    mysql:
      config_file: /root/restore.cnf
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
  sample: restore
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
  sample: restored 1 component of iact_data_backup_20260131_020000.tar into iact_restore_20260131093000_1
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
archive:
  description: Path of the archive.
  returned: if the archive exists
  type: str
  sample: /var/backups/iact/iact_data_backup_20260131_020000.tar
components:
  description: Every component that was restored, or would be.
  returned: if the archive exists
  type: list
  elements: dict
  contains:
    name:
      description: Name of the component.
      type: str
      sample: mysql.iact
    contents:
      description: What the component contains, for people.
      type: str
      sample: only the table dora_metrics
    target:
      description: The database, directory or file that received it.
      type: str
      sample: iact_restore_20260131093000_1
    rows:
      description: Number of rows in the archive's manifest, for the tables with a known number.
      type: int
    tables_equal:
      description: Number of tables whose number of rows equals that in the manifest, and number of all tables.
      type: str
      sample: 1 of 1
    files:
      description: Number of log files.
      type: int
"""

from ansible_collections.iact.maintenance.plugins.module_utils import _module


def main() -> None:
    """End the module with the report of the restore."""
    _module.run("restore")


if __name__ == "__main__":
    main()
