"""The settings of a site: immutable and validated, from defaults, the config file and a run's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Union, cast

from .errors import BadOption, Refused
from .secret import printable
from .sections.backup import Backup
from .sections.connections import Connection, Server, Servers, SQLiteFile
from .sections.django import Django
from .sections.health import Health
from .sections.restore import Restore
from .sections.session_cleanup import SessionCleanup
from .sections.table import JOB_SECTIONS, RECORDS, SECTIONS, SHARED_SECTIONS, SITE
from .timestamps import zone_named
from .values import Option, mapping, nearest, parse


class Settings(NamedTuple):
    """Everything that a run needs to know about its site. `sources` says where each value is from, by dotted name."""

    user: str | None
    state_directory: str
    servers: Servers
    sqlite: SQLiteFile | None
    django: Django | None
    session_cleanup: SessionCleanup
    health: Health
    backup: Backup
    restore: Restore
    sources: Mapping[str, str]
    config_written_at: float | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is configured."""
        return not set(self.sources.values()) - {DEFAULT, ENVIRONMENT}

    def connections(self, servers: Servers) -> dict[str, Connection]:
        """Return what is configured, by engine, for a job that has these connections to servers."""
        every: dict[str, Connection | None] = {**servers._asdict(), "sqlite": self.sqlite}
        return {engine: connection for engine, connection in every.items() if connection is not None}


# The sections of the jobs that cron starts.
Scheduled = Union[SessionCleanup, Health, Backup]
COMMAND_LINE, PARAMETER, ENVIRONMENT, DEFAULT = "command line", "parameter", "environment", "default"


class Layer(NamedTuple):
    """Raw options from one source: `name` is its name in `sources`; a file must have no secrets or nulls."""

    name: str
    options: Mapping[str, object]
    is_file: bool = False

    def spelled(self, dotted: str) -> str:
        """Return an option's name as its user typed it: `--days` on a command line, `days` as a module's parameter."""
        section, _dot, name = dotted.partition(".")
        if self.name == COMMAND_LINE:
            return "--" + dotted.rpartition(".")[2].replace("_", "-")
        return name if self.name == PARAMETER and section in JOB_SECTIONS else dotted


_Values = dict[str, object]


def build(layers: list[Layer], config_written_at: float | None = None) -> Settings:
    """Return the settings from raw layers, weakest first; defaults are applied last. Raise BadOption or Refused."""
    values: dict[str, _Values] = {"": {}, **{name: {} for name in SECTIONS}}
    overlays: dict[str, dict[str, _Values]] = {job: {} for job in JOB_SECTIONS}
    sources: dict[str, str] = {}
    for layer in layers:
        _read_site(layer, values, overlays, sources)
    for name, table in (("", SITE), *SECTIONS.items()):
        _apply_defaults(table, values[name], name, sources)
    shared = {name: _section(name, values[name], sources) for name in SHARED_SECTIONS}
    servers = {engine: cast("Server | None", shared.pop(engine)) for engine in Servers._fields}
    jobs = {job: _job(job, values[job], overlays[job], values, sources) for job in JOB_SECTIONS}
    _check_relations(values)
    top = values[""]
    return Settings(
        user=cast("str | None", top["user"]),
        state_directory=cast(str, top["state_directory"]),
        sources=sources,
        config_written_at=config_written_at,
        servers=Servers(**servers),
        **shared,  # type: ignore[arg-type]
        **jobs,  # type: ignore[arg-type]
    )


def _read_site(
    layer: Layer, values: dict[str, _Values], overlays: dict[str, dict[str, _Values]], sources: dict[str, str]
) -> None:
    for option, raw in _known(layer, SITE, layer.options, ""):
        if option.kind != "section":
            values[""][option.name] = parse(option, raw, layer.spelled(option.name))
            sources[option.name] = layer.name
            continue
        section = mapping(raw, option.name)
        for inner, inner_raw in _known(layer, SECTIONS[option.name], section, option.name):
            name = f"{option.name}.{inner.name}"
            if inner.kind == "section":
                read = _read_overlay(layer, inner, inner_raw, name, sources)
                overlays[option.name].setdefault(inner.name, {}).update(read)
            else:
                values[option.name][inner.name] = parse(inner, inner_raw, layer.spelled(name))
                sources[name] = layer.name
        if not layer.is_file:
            # A run's own connection also overrides the file's job connection.
            given = {key: value for key, value in values[option.name].items() if key in section}
            for overlay in (overlays[job].get(option.name) for job in JOB_SECTIONS if job != "restore"):
                if overlay is not None:
                    overlay.update(given)


def _read_overlay(layer: Layer, option: Option, raw: object, name: str, sources: dict[str, str]) -> _Values:
    read: _Values = {}
    for inner, inner_raw in _known(layer, SECTIONS[option.section], mapping(raw, name), name):
        read[inner.name] = parse(inner, inner_raw, f"{name}.{inner.name}")
        sources[f"{name}.{inner.name}"] = layer.name
    return read


def _known(
    layer: Layer, table: tuple[Option, ...], raw: Mapping[str, object], where: str
) -> list[tuple[Option, object]]:
    """Return the options of `raw` that are set, with their values; a parameter that is None was not given."""
    by_name = {option.name: option for option in table}
    known = []
    for key, value in raw.items():
        dotted = f"{where}.{key}" if where else key
        if key not in by_name:
            raise BadOption(f"{dotted} is not an option", hint=nearest(key, list(by_name)))
        if by_name[key].secret and layer.is_file:
            raise Refused(
                "secret_in_config",
                f"{dotted} is in {layer.name}, which every account can read",
                hint="put it into the file that config_file or passfile names, mode 0600",
            )
        if value is not None or layer.is_file:
            known.append((by_name[key], value))
    return known


def _apply_defaults(table: tuple[Option, ...], values: _Values, where: str, sources: dict[str, str]) -> None:
    if where in SHARED_SECTIONS and not values:
        return
    for option in table:
        if option.kind != "section" and option.name not in values:
            values[option.name] = option.default
            if option.default is not None:
                sources[f"{where}.{option.name}" if where else option.name] = DEFAULT


def _section(name: str, values: _Values, sources: dict[str, str]) -> object:
    if not values:
        return None
    for row in SECTIONS[name]:
        if row.required and values[row.name] is None:
            raise BadOption(f"{name}.{row.name} is not set: {row.allowed} is allowed")
    _check_certificate(name, values)
    return RECORDS[name](**values)


def _check_certificate(name: str, values: _Values) -> None:
    """Raise BadOption for a client's key without its certificate, which every program and driver would ignore."""
    if values.get("client_key") and not values.get("client_cert"):
        hint = "set client_cert; leave out client_key if the file of client_cert contains the key too"
        raise BadOption(f"{name}.client_key is set without {name}.client_cert, and would be ignored", hint=hint)


def _job(
    job: str, values_of_job: _Values, overlays: dict[str, _Values], values: dict[str, _Values], sources: dict[str, str]
) -> object:
    connections: dict[str, Server | None] = {}
    for engine in Servers._fields:
        overlay = overlays.get(engine)
        if overlay:
            base = dict(values[engine])
            if not base:
                _apply_defaults(SECTIONS[engine], base, f"{job}.{engine}", sources)
            if "login_user" in overlay or "config_file" in overlay or "passfile" in overlay:
                # Another account never inherits the shared account's password.
                base["login_password"] = None
            if "client_cert" in overlay:
                # Another certificate never inherits the shared one's key.
                base["client_key"] = None
            base.update(overlay, own_account=True)
            _check_certificate(f"{job}.{engine}", base)
            connections[engine] = RECORDS[engine](**base)
        else:
            shared = None if job == "restore" else _section(engine, values[engine], sources)
            connections[engine] = cast("Server | None", shared)
    return RECORDS[job](servers=Servers(**connections), **values_of_job)


def _check_relations(values: dict[str, _Values]) -> None:
    """Raise BadOption for a value that is incompatible with another one."""
    cleanup, health, backup = values["session_cleanup"], values["health"], values["backup"]
    pairs = (
        ("session_cleanup", cleanup, "warning_rows", "critical_rows"),
        ("health", health, "disk_critical_percent", "disk_warning_percent"),
        ("backup", backup, "keep_minimum", "retention_count"),
    )
    for section, chosen, lesser, greater in pairs:
        if cast(float, chosen[lesser]) > cast(float, chosen[greater]):
            raise BadOption(
                f"{section}.{lesser} is {chosen[lesser]}: at most {section}.{greater} ({chosen[greater]}) is allowed"
            )
    for path in cast("tuple[str, ...]", backup["sqlite_files"]):
        if not path.startswith("/"):
            raise BadOption(f"backup.sqlite_files is {printable(path, 80)}: absolute paths are allowed")
    if cleanup["use_tz"] is False:
        zone_named(cast(str, cleanup["time_zone"]))
