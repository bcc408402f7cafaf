"""The rights that the product itself documents, so that tests use exactly these."""

from __future__ import annotations

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.required_rights import (
    Account,
    Subject,
    creation,
    statements,
)

EXAMPLES = (
    ("Cleanup", "session_cleanup", "iact_cleanup", "django_session"),
    ("Health check", "health", "iact_health", "django_session"),
    ("Backup of whole databases", "backup_database", "iact_backup", ""),
    ("Backup of named tables", "backup_table", "iact_backup", "dora_metrics"),
    ("Restore", "restore", "iact_restore", ""),
)
TITLES = {"mysql": "MySQL and MariaDB", "postgresql": "PostgreSQL"}


def needed(engine: str, need: str, database: str, user: str, table: str = "django_session") -> list[str]:
    """Return the statements that give a user from any host the rights for a job."""
    return statements(engine, need, Account(user, "%"), Subject(database, table), own_account=True)


def example(engine: str) -> str:
    """Return the statements for every job of a site with the database `site`, as the handbook shows them."""
    lines = [f"-- {TITLES[engine]}"]
    for title, need, user, table in EXAMPLES:
        account = Account(user)
        grants = statements(engine, need, account, Subject("site", table), own_account=True)
        lines += ["", f"-- {title}", creation(engine, account), *grants]
    return "\n".join(lines) + "\n"
