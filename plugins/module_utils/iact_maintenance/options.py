"""The option table: one row per option, the only list of them.

It feeds the modules' argument_spec, the command's flags, the config file and validation. A row's default is applied
last, by `settings`: neither argparse nor the argument_spec knows it, else a module that is given nothing would put its
defaults over the site's config file.
"""

from __future__ import annotations

from typing import NamedTuple

_YEARS_100_DAYS = 36500
_DAY_SECONDS = 86400
_GIB = 1024**3
# Those that Debian's cron knows (crontab(5)).
SCHEDULE_WORDS = ("hourly", "daily", "midnight", "weekly", "monthly", "yearly", "annually", "reboot")
SESSION_BACKEND = "django.contrib.sessions.backends.db"


class Option(NamedTuple):
    """One option: `kind` is str, path, schedule, int, float, bool, list, or section.

    A section is a mapping with the options of `section`. `config_only` options stand in the config file alone: they
    describe the site, not one run.
    """

    name: str
    kind: str
    help: str
    default: object = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float = 0
    secret: bool = False
    config_only: bool = False
    section: str = ""

    @property
    def allowed(self) -> str:
        """What a value of this option may be, as the end of a sentence."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {"int": "a whole number", "float": "a number", "bool": "true or false", "path": "an absolute path"}
        words["schedule"] = "five cron fields, or one of " + ", ".join(f"@{word}" for word in SCHEDULE_WORDS)
        word = {**words, "list": "a list of texts", "section": "a mapping", "str": "a text that is not empty"}[
            self.kind
        ]
        if self.minimum is not None:
            return f"{word} from {_plain(self.minimum)} to {_plain(self.maximum)}"
        return word


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _login(port: int) -> tuple[Option, ...]:
    tls_help = (
        "How the connection is encrypted. By default C(prefer) on the loopback address, C(verify) where C(ca_cert) is "
        "given, else C(require); from C(require) up nothing is ever sent in clear text."
    )
    return (
        Option("login_host", "str", "Host name or address of the server; 127.0.0.1 where nothing names one."),
        Option(
            "login_port", "int", f"TCP port of the server; {port} where nothing names one.", minimum=1, maximum=65535
        ),
        Option("login_user", "str", "Account to log in with."),
        Option(
            "login_password", "str", "Password of the account. Never a flag and never in the config file.", secret=True
        ),
        Option("login_unix_socket", "path", "Socket of a server on this host; used instead of host and port."),
        Option("login_db", "str", "Database to work in."),
        Option("tls", "str", tls_help, choices=("disable", "prefer", "require", "verify")),
        Option("ca_cert", "path", "File with the certificates of the authorities that the server's must come from."),
        Option("client_cert", "path", "File with the client's own certificate."),
        Option("client_key", "path", "File with the key of the client's own certificate."),
        Option("connect_timeout", "float", "Seconds to wait for the server to accept.", 5.0, minimum=0.1, maximum=300),
        Option("read_only", "bool", "Nothing may ever write there: no cleanup, no restore.", False),
    )


_MYSQL_FILE = (
    "Option file with host, port, user and password in C([client]); the account's own C(~/.my.cnf) by default."
)
_PASSFILE = "PostgreSQL password file; the account's own C(~/.pgpass) by default."


def _schedule(schedule: str, max_age_seconds: int) -> tuple[Option, ...]:
    late = "Seconds since the last scheduled success from which health calls the job late."
    return (
        Option("schedule", "schedule", "When cron starts the job, five fields.", schedule, config_only=True),
        Option("enabled", "bool", "Whether the job is scheduled at all.", True, config_only=True),
        Option(
            "max_age_seconds", "int", late, max_age_seconds, minimum=60, maximum=366 * _DAY_SECONDS, config_only=True
        ),
    )


_OWN = (
    Option("mysql", "section", "MySQL or MariaDB connection of this job, laid over the shared one.", section="mysql"),
    Option(
        "postgresql", "section", "PostgreSQL connection of this job, laid over the shared one.", section="postgresql"
    ),
)

_CLEANUP = (
    Option(
        "engine",
        "str",
        "Engine that holds the sessions; C(auto) asks the Django project, or takes the one configured connection.",
        "auto",
        choices=("auto", "mysql", "postgresql", "sqlite"),
    ),
    Option("table", "str", "Name of the session table; Django's own where the project is asked.", "django_session"),
    Option(
        "use_tz",
        "bool",
        "Whether the site stores times in UTC (Django's USE_TZ). Needed on MySQL, MariaDB and SQLite where the project "
        "is not asked.",
    ),
    Option(
        "time_zone", "str", "The site's TIME_ZONE, needed where use_tz is false and the project is not asked.", "UTC"
    ),
    Option(
        "days", "int", "Keep sessions that expired less than this many days ago.", 0, minimum=0, maximum=_YEARS_100_DAYS
    ),
    Option("batch_rows", "int", "Rows deleted in one short transaction.", 1000, minimum=1, maximum=100_000),
    Option("pause_seconds", "float", "Rest between two transactions, in seconds.", 0.02, minimum=0, maximum=60),
    Option("warning_rows", "int", "Rows left above which to warn.", 50_000, minimum=1, maximum=2**31 - 1),
    Option("critical_rows", "int", "Rows left above which it is critical.", 100_000, minimum=1, maximum=2**31 - 1),
    Option("missing_ok", "bool", "A session table that does not exist is fine: nothing to do.", False),
)

_HEALTH = (
    Option(
        "deadline_seconds",
        "float",
        "Seconds after which the whole check ends, whatever hangs.",
        9.0,
        minimum=1,
        maximum=300,
    ),
    Option("disk_warning_percent", "float", "Free space in percent below which to warn.", 20.0, minimum=0, maximum=100),
    Option(
        "disk_critical_percent", "float", "Free space in percent below which to fail.", 10.0, minimum=0, maximum=100
    ),
    Option("allowed_session_engines", "list", "Session engines that pass, by module path.", (SESSION_BACKEND,)),
    Option("log_directory", "path", "Directory of the jobs' own logs, whose disk is watched too.", config_only=True),
)

RETENTION = (
    Option("retention_days", "int", "Days for which archives are kept.", 30, minimum=1, maximum=_YEARS_100_DAYS),
    Option("retention_count", "int", "Archives that are kept at most.", 30, minimum=1, maximum=100_000),
    Option(
        "keep_minimum",
        "int",
        "Newest good archives that are never deleted, whatever their age.",
        3,
        minimum=1,
        maximum=1000,
    ),
)

_BACKUP = (
    Option("directory", "path", "Directory of the archives; mode 0700.", "/var/backups/iact"),
    Option("create_directory", "bool", "Create the directory where it is missing.", False),
    Option(
        "require_mountpoint",
        "bool",
        "Refuse a directory that is neither a mount point nor on another filesystem than C(/) and C(state_directory): "
        "a network disk that is not mounted.",
        False,
    ),
    Option(
        "min_free_bytes",
        "int",
        "Bytes of the directory's filesystem that a backup leaves free; by default a tenth of it, 1 GiB at most.",
        minimum=0,
        maximum=2**62,
    ),
    Option("tables", "list", "Tables to back up, each from every configured connection that has it.", ()),
    Option("mysql_databases", "list", "Whole MySQL or MariaDB databases to back up.", ()),
    Option("postgresql_databases", "list", "Whole PostgreSQL databases to back up.", ()),
    Option("sqlite_files", "list", "SQLite files to back up, as absolute paths.", ()),
    Option("log_directory", "path", "Directory of the application's JSON logs."),
    Option("log_patterns", "list", "Names of the logs in that directory.", ("*.json.log*", "*_json.log*")),
    Option(
        "follow_links",
        "list",
        "Names, or patterns of names, of links among the logs that are followed, to files of the running account.",
        (),
    ),
    *RETENTION,
    Option("keep_partial", "bool", "Keep what a failed run could save as a partial archive (the newest 3 stay).", True),
    Option("warning_size_bytes", "int", "Size of an archive above which to warn.", _GIB, minimum=1, maximum=2**62),
    Option(
        "allow_incomplete",
        "bool",
        "What a dump would lack only warns: triggers and routines that the account may not see, types and functions "
        "that named PostgreSQL tables need, tables that the last archive has and the server shows no more.",
        False,
    ),
    Option("ignore_unreadable", "bool", "Log files that cannot be read only warn.", False),
    Option("lock_tables", "bool", "Lock tables that are not transactional while they are dumped.", False),
    Option(
        "deadline_seconds",
        "int",
        "Seconds after which one component is given up.",
        14400,
        minimum=1,
        maximum=7 * _DAY_SECONDS,
    ),
    Option(
        "stall_timeout_seconds",
        "float",
        "Seconds without a byte after which a dump is given up.",
        300.0,
        minimum=0.1,
        maximum=_DAY_SECONDS,
    ),
)

_RESTORE = (
    Option(
        "archive",
        "str",
        "Archive to restore from: absolute path, name in the backup directory, or C(latest).",
        "latest",
    ),
    Option("components", "list", "Components to restore, as C(archives) names them; all by default.", ()),
    Option("target_database", "str", "Empty database to restore into; its name begins with C(iact_restore_)."),
    Option("target_directory", "path", "Directory that receives files; created, or empty."),
    Option(
        "deadline_seconds",
        "int",
        "Seconds after which one component is given up.",
        14400,
        minimum=1,
        maximum=7 * _DAY_SECONDS,
    ),
    Option(
        "stall_timeout_seconds",
        "float",
        "Seconds without progress after which a restore is given up.",
        300.0,
        minimum=0.1,
        maximum=_DAY_SECONDS,
    ),
)

SECTIONS: dict[str, tuple[Option, ...]] = {
    "mysql": (*_login(3306), Option("config_file", "path", _MYSQL_FILE)),
    "postgresql": (*_login(5432), Option("passfile", "path", _PASSFILE)),
    "sqlite": (
        Option("path", "path", "The database file."),
        Option("read_only", "bool", "Nothing may ever write there.", False),
    ),
    "django": (
        Option("project_path", "path", "Directory of the Django project, the one with manage.py."),
        Option("python", "path", "Python of the project, in its virtual environment.", "/usr/bin/python3"),
        Option("settings_module", "str", "DJANGO_SETTINGS_MODULE of the project."),
        Option("env_file", "path", "File with KEY=VALUE lines that the settings read from the environment."),
    ),
    "session_cleanup": (*_schedule("0 */6 * * *", 25200), *_CLEANUP, *_OWN),
    "health": (*_schedule("*/5 * * * *", 900), *_HEALTH, *_OWN),
    "backup": (*_schedule("0 2 * * *", 93600), *_BACKUP, *_OWN),
    "restore": (*_RESTORE, *_OWN),
}

SHARED_SECTIONS = ("mysql", "postgresql", "sqlite", "django")
JOB_SECTIONS = ("session_cleanup", "health", "backup", "restore")

SITE = (
    Option("user", "str", "Account that runs the jobs; a run as root becomes it first."),
    Option("state_directory", "path", "Directory of the history, the proofs and the locks.", "/var/lib/iact/state"),
    *(Option(name, "section", f"The section {name}.", section=name) for name in (*SHARED_SECTIONS, *JOB_SECTIONS)),
)


def run_options(job: str) -> tuple[Option, ...]:
    """The options of one job that a single run may set: its flags, and its module's own parameters."""
    return tuple(option for option in SECTIONS[job] if not option.config_only)
