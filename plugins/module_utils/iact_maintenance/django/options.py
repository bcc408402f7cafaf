"""The parameters of a project's database driver: those that are applied exactly, and those that are irrelevant.

One table per vendor. Any parameter that is not `harmless` decides where, as whom or how securely the project connects.
One that is in neither column is refused by name, because omitting it could lead to another server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class OptionTable(NamedTuple):
    """The parameters of one vendor's drivers.

    `taken` are applied with their values; `harmless` do not affect the jobs; `files` are those of the taken ones that
    name a file; `environment` are the variables that the driver reads, each with its parameter.
    """

    taken: frozenset[str]
    harmless: frozenset[str]
    files: frozenset[str]
    environment: Mapping[str, str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POSTGRESQL = OptionTable(
    taken=_words(
        "host hostaddr port dbname user password passfile options assume_role target_session_attrs load_balance_hosts "
        "sslmode sslrootcert sslcert sslkey sslcrl sslcrldir sslcertmode sslnegotiation sslsni sslcompression "
        "ssl_min_protocol_version ssl_max_protocol_version channel_binding require_auth requirepeer "
        "gssencmode gsslib gssdelegation krbsrvname"
    ),
    # The jobs set isolation, encoding and time limits in each transaction; the rest concerns the driver's objects.
    harmless=_words(
        "client_encoding application_name fallback_application_name connect_timeout tcp_user_timeout keepalives "
        "keepalives_idle keepalives_interval keepalives_count isolation_level server_side_binding pool "
        "cursor_factory row_factory prepare_threshold context"
    ),
    files=_words("passfile sslrootcert sslcert sslkey sslcrl sslcrldir"),
    environment={
        "PGHOST": "host",
        "PGHOSTADDR": "hostaddr",
        "PGPORT": "port",
        "PGDATABASE": "dbname",
        "PGUSER": "user",
        "PGPASSWORD": "password",
        "PGPASSFILE": "passfile",
        "PGOPTIONS": "options",
        "PGTARGETSESSIONATTRS": "target_session_attrs",
        "PGLOADBALANCEHOSTS": "load_balance_hosts",
        "PGSSLMODE": "sslmode",
        "PGREQUIRESSL": "requiressl",
        "PGSSLROOTCERT": "sslrootcert",
        "PGSSLCERT": "sslcert",
        "PGSSLKEY": "sslkey",
        "PGSSLCRL": "sslcrl",
        "PGSSLCRLDIR": "sslcrldir",
        "PGSSLCERTMODE": "sslcertmode",
        "PGSSLNEGOTIATION": "sslnegotiation",
        "PGSSLSNI": "sslsni",
        "PGSSLCOMPRESSION": "sslcompression",
        "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
        "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
        "PGCHANNELBINDING": "channel_binding",
        "PGREQUIREAUTH": "require_auth",
        "PGREQUIREPEER": "requirepeer",
        "PGGSSENCMODE": "gssencmode",
        "PGGSSLIB": "gsslib",
        "PGGSSDELEGATION": "gssdelegation",
        "PGKRBSRVNAME": "krbsrvname",
        "PGSERVICE": "service",
        "PGSERVICEFILE": "servicefile",
    },
)

MYSQL = OptionTable(
    taken=_words(
        "host port unix_socket user password passwd database db read_default_file init_command client_flag "
        "ssl ssl.ca ssl.cert ssl.key ssl.check_hostname ssl.verify_mode ssl_mode ssl_ca ssl_cert ssl_key ssl_disabled "
        "ssl_verify_cert ssl_verify_identity"
    ),
    # The jobs set sql_mode, isolation, autocommit, zone and time limits by their own statements after connecting.
    harmless=_words(
        "charset collation use_unicode conv converter_class sql_mode time_zone isolation_level autocommit compress "
        "connect_timeout connection_timeout read_timeout write_timeout local_infile allow_local_infile cursorclass "
        "binary_prefix program_name max_allowed_packet defer_connect buffered raw consume_results get_warnings "
        "raise_on_warnings client_flags use_pure pool_name pool_size pool_reset_session auth_plugin"
    ),
    files=_words("read_default_file ssl.ca ssl.cert ssl.key ssl_ca ssl_cert ssl_key"),
    # Read only by the client libraries of MySQL and MariaDB.
    environment={
        "MYSQL_UNIX_PORT": "unix_socket",
        "MARIADB_UNIX_PORT": "unix_socket",
        "MYSQL_TCP_PORT": "port",
        "MARIADB_TCP_PORT": "port",
    },
)

SQLITE = OptionTable(
    taken=_words("database init_command"),
    harmless=_words("detect_types check_same_thread uri timeout isolation_level cached_statements transaction_mode"),
    files=frozenset(),
    environment={},
)

TABLES: Mapping[str, OptionTable] = {"postgresql": POSTGRESQL, "mysql": MYSQL, "sqlite": SQLITE}


def asked_of_the_probe() -> dict[str, dict[str, list[str]]]:
    """Return the parameters and variables whose values the probe may return, by vendor; of others only the names."""
    return {
        vendor: {"parameters": sorted(table.taken), "variables": sorted(table.environment)}
        for vendor, table in TABLES.items()
    }
