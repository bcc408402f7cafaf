#!/usr/bin/python
# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module iact_backup: documentation, and nothing but a call of the job."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iact_backup
short_description: Back up databases and logs into one verified archive
version_added: 0.1.0
description:
  - Saves tables and databases of MySQL, MariaDB and PostgreSQL, SQLite files and JSON logs into one archive, each as a
    separately compressed member.
  - The archive gets its name only after it was written, synced and read back, and all checksums matched.
  - Fails if anything that is configured could not be saved. What could be saved is then kept as a partial archive,
    which does not count as a backup.
  - Deletes old archives afterwards, but never the newest good ones, none after a failed run, and only archives of this
    host.
  - Check mode writes nothing and returns what would be saved and which archives would be deleted.
requirements:
  - PyMySQL for MySQL and MariaDB, and psycopg2 for PostgreSQL
  - C(mariadb-dump) or C(mysqldump) for MySQL and MariaDB
  - C(pg_dump) and C(pg_restore) for PostgreSQL
  - C(zstd), without which members are compressed with gzip
extends_documentation_fragment:
  - iact.maintenance._attributes
  - iact.maintenance._attributes.actiongroup
  - iact.maintenance._connections
options:
  expected_seconds:
    description:
    - Expected maximum duration of a run, in seconds; a longer run gets the finding C(slow) and is not stopped.
    - 'Allowed: a number from 0 to 604800.'
    - 'Default: V(300), unless the config file sets it.'
    type: float
  directory:
    description:
    - Directory of the archives, with mode 0700.
    - 'Default: V(/var/backups/iact), unless the config file sets it.'
    type: path
  create_directory:
    description:
    - Create the directory if it is missing.
    - 'Default: V(false), unless the config file sets it.'
    type: bool
  require_mountpoint:
    description:
    - 'Refuse a directory that is neither a mount point nor on another filesystem than C(/) and C(state_directory):
      a network disk that is not mounted.'
    - 'Default: V(false), unless the config file sets it.'
    type: bool
  min_free_bytes:
    description:
    - Bytes of the directory's filesystem that a backup leaves free; by default a tenth of it, 1 GiB at most.
    - 'Allowed: a whole number from 0 to 4611686018427387904.'
    type: int
  tables:
    description:
    - Tables to back up, each from every configured connection that has it.
    type: list
    elements: str
  mysql_databases:
    description:
    - Whole MySQL or MariaDB databases to back up.
    type: list
    elements: str
  postgresql_databases:
    description:
    - Whole PostgreSQL databases to back up.
    type: list
    elements: str
  sqlite_files:
    description:
    - SQLite files to back up, as absolute paths.
    type: list
    elements: str
  log_directory:
    description:
    - Directory of the application's JSON logs.
    type: path
  log_patterns:
    description:
    - Patterns of the names of the log files in that directory.
    - 'Default: V(*.json.log*,*_json.log*), unless the config file sets it.'
    type: list
    elements: str
  follow_links:
    description:
    - Names, or patterns of names, of symbolic links among the logs to follow; their files must belong to the running
      account.
    type: list
    elements: str
  retention_days:
    description:
    - Days for which to keep archives.
    - 'Allowed: a whole number from 1 to 36500.'
    - 'Default: V(30), unless the config file sets it.'
    type: int
  retention_count:
    description:
    - Maximum number of archives to keep.
    - 'Allowed: a whole number from 1 to 100000.'
    - 'Default: V(30), unless the config file sets it.'
    type: int
  keep_minimum:
    description:
    - Number of the newest good archives that are never deleted, whatever their age.
    - 'Allowed: a whole number from 1 to 1000.'
    - 'Default: V(3), unless the config file sets it.'
    type: int
  reread_days:
    description:
    - Days after which a good archive is verified again; each backup verifies one, the longest unverified first; 0
      disables this.
    - 'Allowed: a whole number from 0 to 36500.'
    - 'Default: V(7), unless the config file sets it.'
    type: int
  keep_partial:
    description:
    - Keep what a failed run could save as a partial archive; the newest 3 are kept.
    - 'Default: V(true), unless the config file sets it.'
    type: bool
  warning_size_bytes:
    description:
    - Size of an archive above which to warn.
    - 'Allowed: a whole number from 1 to 4611686018427387904.'
    - 'Default: V(1073741824), unless the config file sets it.'
    type: int
  allow_incomplete:
    description:
    - 'Only warn if a dump would lack objects: triggers and routines that the account cannot see, types and functions
      that named PostgreSQL tables need, and tables that the last archive holds and the server no longer shows.'
    - 'Default: V(false), unless the config file sets it.'
    type: bool
  ignore_unreadable:
    description:
    - Only warn if log files cannot be read, and leave them out.
    - 'Default: V(false), unless the config file sets it.'
    type: bool
  lock_tables:
    description:
    - Lock tables that are not transactional while they are dumped, so that the dump is consistent.
    - 'Default: V(false), unless the config file sets it.'
    type: bool
  deadline_seconds:
    description:
    - Maximum duration of one component, in seconds; then it is stopped.
    - 'Allowed: a whole number from 1 to 604800.'
    - 'Default: V(14400), unless the config file sets it.'
    type: int
  stall_timeout_seconds:
    description:
    - Maximum time without output, in seconds; then the dump is stopped.
    - 'Allowed: a number from 0.1 to 86400.'
    - 'Default: V(300), unless the config file sets it.'
    type: float
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the names of the archives before and after the run.
  idempotent:
    support: none
    details: Every run makes a backup.
seealso:
  - module: iact.maintenance.iact_restore
  - module: iact.maintenance.iact_health
"""

EXAMPLES = r"""
- name: Back up what the host's config file names
  iact.maintenance.iact_backup:

- name: Back up an SQLite file and logs without a config file
  iact.maintenance.iact_backup:
    directory: /srv/iact/backups
    create_directory: true
    sqlite_files:
      - /srv/iact/db.sqlite3
    log_directory: /var/log/iact
    state_directory: /srv/iact/state
  register: backup

- name: Show the path of the archive
  ansible.builtin.debug:
    var: backup.archive
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
  sample: backup
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
  sample: saved 2 components in iact_data_backup_20260131_020000.tar (12.5 MiB)
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
  description: Path of the archive, also of a partial one; null if nothing was kept.
  returned: when the run tried to save something
  type: str
  sample: /var/backups/iact/iact_data_backup_20260131_020000.tar
partial:
  description: Whether the archive is a partial one.
  returned: when the run tried to save something
  type: bool
size_bytes:
  description: Size of the archive, in bytes.
  returned: when the run tried to save something
  type: int
created_at:
  description: Start of the backup, ISO 8601 in UTC.
  returned: when the run tried to save something
  type: str
compression:
  description: How members are compressed, V(zstd) or V(gzip).
  returned: when the run tried to save something
  type: str
components:
  description: Every component, saved or not.
  returned: when the settings make sense
  type: list
  elements: dict
  contains:
    name:
      description: Name of the component.
      type: str
      sample: mysql.iact
    status:
      description: One of V(saved), V(missing), V(skipped); V(planned) in check mode.
      type: str
    contents:
      description: What the component contains, for people.
      type: str
      sample: only the table dora_metrics
    size_bytes:
      description: Compressed size, in bytes.
      type: int
    raw_size_bytes:
      description: Size before compression, in bytes.
      type: int
    rows:
      description: Rows of its tables; null if unknown for one of them.
      type: int
    files:
      description: Number of log files.
      type: int
deleted:
  description: Names of the archives that retention deleted.
  returned: when the run tried to save something
  type: list
  elements: str
directory:
  description: Directory of the archives.
  returned: in check mode
  type: str
would_delete:
  description: Names of the archives that the run would delete; its own new archive counts.
  returned: in check mode
  type: list
  elements: str
"""

from ansible_collections.iact.maintenance.plugins.module_utils import _module


def main() -> None:
    """End the module with the report of the backup."""
    _module.run("backup")


if __name__ == "__main__":
    main()
