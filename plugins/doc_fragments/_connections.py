# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation that the modules share: where the site is described, and what they have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of every module but the launcher's."""

    # The block of options is generated from the option table by `make docs`.
    DOCUMENTATION = r"""
options:
  config:
    description:
    - The site's settings. Without it the host's V(/etc/iact/maintenance.json), if there is one.
    type: path
  fail_on:
    description:
    - The status from which on the task fails.
    - Without it the task fails exactly where the command on the host would not exit with 0.
    - With V(warning) or V(critical) it fails from that status on; with V(never) only when an option is wrong.
    type: str
    choices:
    - warning
    - critical
    - never
  login_password:
    description:
    - Refused, so that a password that was put here is never printed.
    - A password belongs to its connection, as O(mysql.login_password) or O(postgresql.login_password).
    type: raw
  state_directory:
    description:
    - Directory of the history, the verification records and the locks.
    - 'Default: V(/var/lib/iact/state), unless the config file sets it.'
    type: path
  mysql:
    description:
    - Connection to MySQL or MariaDB; its options override those of the config file's section C(mysql).
    type: dict
    suboptions:
      login_host:
        description:
        - Host name or address of the server; 127.0.0.1 if it is not set anywhere.
        type: str
      login_port:
        description:
        - TCP port of the server; 3306 if it is not set anywhere.
        - 'Allowed: a whole number from 1 to 65535.'
        type: int
      login_user:
        description:
        - Account to log in with.
        type: str
      login_password:
        description:
        - Password of the account. Not allowed as a flag or in the config file.
        type: str
      login_unix_socket:
        description:
        - Unix socket of a server on this host, used instead of host and port.
        type: path
      login_db:
        description:
        - Database to connect to.
        type: str
      tls:
        description:
        - How the connection is encrypted. By default C(prefer) on the loopback address, C(verify) if C(ca_cert) is
          given, else C(require). With C(require) and C(verify) nothing is sent in clear text.
        type: str
        choices:
        - disable
        - prefer
        - require
        - verify
      ca_cert:
        description:
        - File with the CA certificates that the server's certificate is verified against.
        type: path
      client_cert:
        description:
        - File with the client certificate, and with its key if C(client_key) is not set.
        type: path
      client_key:
        description:
        - File with the key of C(client_cert), if it is in another file.
        type: path
      connect_timeout:
        description:
        - Seconds to wait for a connection.
        - 'Allowed: a number from 0.1 to 300.'
        - 'Default: V(5), unless the config file sets it.'
        type: float
      read_only:
        description:
        - 'Never write to this server: no cleanup, no restore.'
        - 'Default: V(false), unless the config file sets it.'
        type: bool
      config_file:
        description:
        - Option file with host, port, user and password in C([client]); the account's own C(~/.my.cnf) by default.
        type: path
  postgresql:
    description:
    - Connection to PostgreSQL; its options override those of the config file's section C(postgresql).
    type: dict
    suboptions:
      login_host:
        description:
        - Host name or address of the server; 127.0.0.1 if it is not set anywhere.
        type: str
      login_port:
        description:
        - TCP port of the server; 5432 if it is not set anywhere.
        - 'Allowed: a whole number from 1 to 65535.'
        type: int
      login_user:
        description:
        - Account to log in with.
        type: str
      login_password:
        description:
        - Password of the account. Not allowed as a flag or in the config file.
        type: str
      login_unix_socket:
        description:
        - Unix socket of a server on this host, used instead of host and port.
        type: path
      login_db:
        description:
        - Database to connect to.
        type: str
      tls:
        description:
        - How the connection is encrypted. By default C(prefer) on the loopback address, C(verify) if C(ca_cert) is
          given, else C(require). With C(require) and C(verify) nothing is sent in clear text.
        type: str
        choices:
        - disable
        - prefer
        - require
        - verify
      ca_cert:
        description:
        - File with the CA certificates that the server's certificate is verified against.
        type: path
      client_cert:
        description:
        - File with the client certificate, and with its key if C(client_key) is not set.
        type: path
      client_key:
        description:
        - File with the key of C(client_cert), if it is in another file.
        type: path
      connect_timeout:
        description:
        - Seconds to wait for a connection.
        - 'Allowed: a number from 0.1 to 300.'
        - 'Default: V(5), unless the config file sets it.'
        type: float
      read_only:
        description:
        - 'Never write to this server: no cleanup, no restore.'
        - 'Default: V(false), unless the config file sets it.'
        type: bool
      passfile:
        description:
        - PostgreSQL password file; the account's own C(~/.pgpass) by default.
        type: path
  sqlite:
    description:
    - An SQLite database file.
    type: dict
    suboptions:
      path:
        description:
        - Path of the database file.
        type: path
      read_only:
        description:
        - Never write to this file.
        - 'Default: V(false), unless the config file sets it.'
        type: bool
  django:
    description:
    - The Django project, whose settings say where its sessions are.
    type: dict
    suboptions:
      project_path:
        description:
        - Directory of the Django project, the one with manage.py.
        type: path
      python:
        description:
        - Python of the project, in its virtual environment.
        - 'Default: V(/usr/bin/python3), unless the config file sets it.'
        type: path
      settings_module:
        description:
        - DJANGO_SETTINGS_MODULE of the project.
        type: str
      env_file:
        description:
        - File with KEY=VALUE lines that the settings read from the environment.
        type: path
requirements:
  - Python 3.9 or newer
  - PyMySQL (C(python3-pymysql)) for MySQL and MariaDB
  - psycopg2 (C(python3-psycopg2)) for PostgreSQL
author:
  - IACT maintainers (@iact)
"""

    RUN = r"""
options:
  config:
    description:
      - Config file of the host.
      - Without it C(/etc/iact/maintenance.json) is read where it exists.
    type: path
  fail_on:
    description:
      - From which status on the task fails; without it, exactly where the host's command would not end with 0.
      - V(never) still fails for an option that is wrong or an action that is refused.
    type: str
    choices:
      - warning
      - critical
      - never
"""
