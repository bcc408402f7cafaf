"""A Django project's description of itself: immutable values, foreign text redacted, passwords wrapped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

from ..secret import Secret, foreign, keep

Fact = dict[str, object]


class Trouble(NamedTuple):
    """The reason for which a question was not answered; `alias` is its database, if it was about one."""

    step: str
    text: str
    alias: str | None = None


class DriverConnection(NamedTuple):
    """The arguments that the project passes to its driver: plain values, and the names of withheld ones.

    `variables` are the environment variables that the driver reads; `default_socket` is the driver's own.
    """

    parameters: Mapping[str, str]
    withheld: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    password: Secret | None = None
    default_socket: str = ""


class Database(NamedTuple):
    """An alias in the project's DATABASES.

    `connection` is known for the alias that holds the sessions. `vendor` is empty if the driver cannot be imported;
    `time_zone` is that of moments in columns without a zone. `is_open` is whether the router allows migrations there,
    `pending` names pending migrations (at most 20 of `pending_total`); both are None if unknown.
    """

    alias: str
    engine: str
    name: str
    host: str
    port: str
    user: str
    password: Secret
    connection: DriverConnection | None = None
    vendor: str = ""
    driver: str = ""
    time_zone: str = ""
    is_open: bool | None = None
    pending: tuple[str, ...] = ()
    pending_total: int | None = None


class Project(NamedTuple):
    """The effective settings of a project, as far as they are known.

    Texts are empty if unknown. `loaded` is whether its applications load. `ending` is the reason for which the probe
    did not finish; empty if it did.
    """

    python_version: str
    django_version: str
    loaded: bool
    session_engine: str
    session_ancestry: tuple[str, ...]
    cache_backend: str
    cache_ancestry: tuple[str, ...]
    databases: tuple[Database, ...]
    sessions_alias: str
    sessions_table: str
    troubles: tuple[Trouble, ...]
    ending: str = ""
    settings_module: str = ""

    def database(self, alias: str) -> Database | None:
        """Return the database with that alias."""
        return next((database for database in self.databases if database.alias == alias), None)

    def trouble(self, step: str, alias: str | None = None) -> str:
        """Return the reason for which a question was not answered; empty if none is known."""
        texts = (each.text for each in self.troubles if each.step == step and each.alias == alias)
        return next(texts, "")


def from_answers(output: bytes, ending: str = "") -> Project:
    """Return the project described by the probe's output, even if the output is incomplete.

    `ending` is how the probe ended; it is used only if the output lacks its end.
    """
    facts = [fact for fact in map(_fact, output.split(b"\n")) if fact is not None]
    last = {_text(fact, "fact"): fact for fact in facts}
    engine, cache = last.get("session_engine", {}), last.get("session_cache", {})
    sessions = last.get("sessions", {})
    # Before the troubles, because passwords must be known before texts are redacted.
    databases = tuple(_database(fact, facts) for fact in facts if fact["fact"] == "database")
    return Project(
        python_version=_text(last.get("python", {}), "version"),
        django_version=_text(last.get("django", {}), "version"),
        loaded="applications" in last,
        session_engine=_text(engine, "name"),
        session_ancestry=_texts(engine, "ancestry"),
        cache_backend=_text(cache, "backend"),
        cache_ancestry=_texts(cache, "ancestry"),
        databases=databases,
        sessions_alias=_text(sessions, "alias"),
        sessions_table=_text(sessions, "table"),
        troubles=tuple(_trouble(fact) for fact in facts if fact["fact"] == "trouble"),
        ending="" if "end" in last else foreign(ending, 600) or "the probe's answer is not complete",
        settings_module=foreign(_text(last.get("settings_module", {}), "name"), 200),
    )


def _fact(line: bytes) -> Fact | None:
    """Return the fact in a line; None for an incomplete line."""
    try:
        fact = json.loads(line)
    except ValueError:
        return None
    return fact if isinstance(fact, dict) and isinstance(fact.get("fact"), str) else None


def _database(fact: Fact, facts: list[Fact]) -> Database:
    alias = _text(fact, "alias")
    about = {_text(each, "fact"): each for each in facts if each.get("alias") == alias}
    driver, router, migrations = about.get("driver", {}), about.get("router", {}), about.get("migrations", {})
    keep(*(_text(fact, name) for name in ("name", "host", "user")))
    for secret in _texts(fact, "secrets"):
        Secret(secret)
    return Database(
        alias=alias,
        engine=_text(fact, "engine"),
        name=_text(fact, "name"),
        host=_text(fact, "host"),
        port=_text(fact, "port"),
        user=_text(fact, "user"),
        password=Secret(_text(fact, "password")),
        connection=_driver_connection(about["connection"]) if "connection" in about else None,
        vendor=_text(driver, "vendor"),
        driver=_text(driver, "driver"),
        time_zone=_text(driver, "time_zone"),
        is_open=bool(router["open"]) if "open" in router else None,
        pending=_texts(migrations, "pending"),
        pending_total=cast(int, migrations["total"]) if "total" in migrations else None,
    )


def _driver_connection(fact: Fact) -> DriverConnection:
    parameters, variables = _mapping(fact, "parameters"), _mapping(fact, "variables")
    # A parameter precedes a variable, as in the drivers. Removed from the mappings, which then show no password.
    secrets = [parameters.pop(name, "") for name in ("password", "passwd")]
    secrets.append(variables.pop("PGPASSWORD", ""))
    password = next((Secret(text) for text in secrets if text), None)
    return DriverConnection(
        parameters, _texts(fact, "withheld"), variables, password, default_socket=_text(fact, "default_socket")
    )


def _mapping(fact: Fact, name: str) -> dict[str, str]:
    mapping = fact.get(name)
    return {str(key): str(text) for key, text in mapping.items()} if isinstance(mapping, dict) else {}


def _trouble(fact: Fact) -> Trouble:
    alias = fact.get("alias")
    text = foreign(f"{_text(fact, 'kind')}: {_text(fact, 'message')}", 600)
    return Trouble(_text(fact, "step"), text, None if alias is None else str(alias))


def _text(fact: Fact, name: str) -> str:
    return str(fact.get(name, ""))


def _texts(fact: Fact, name: str) -> tuple[str, ...]:
    texts = fact.get(name)
    return tuple(str(each) for each in texts) if isinstance(texts, list) else ()
