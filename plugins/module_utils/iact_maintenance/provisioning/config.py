"""The host's config file from the role's variables; it has no secrets, only the paths of files that hold them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import Refused
from ..sections.table import SECTIONS
from ..settings import Layer, build
from .credentials import KINDS, CredentialsFile, shared_paths
from .refusal import Refusal
from .variables import PREFIX, Site, known


def content(site: Site, files: list[CredentialsFile], present: Collection[str], home: str) -> dict[str, Any]:
    """Return the config file's mapping; `present` are the credentials files that exist."""
    config: dict[str, Any] = {"user": site.user, "state_directory": site.state_directory}
    for section in SECTIONS:
        options = {name: _without_password(value) for name, value in site.sections[section].items()}
        options.pop("login_password", None)
        if options or section in {file.kind.engine for file in files if not file.job}:
            config[section] = options
    for file in files:
        connection = config[file.job][file.kind.engine] if file.job else config[file.kind.engine]
        connection[file.kind.option] = file.path
    shared = shared_paths(site, home)
    for kind in KINDS:
        if kind.engine in config and shared[kind.engine] in present:
            config[kind.engine].setdefault(kind.option, shared[kind.engine])
    return config


def _without_password(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name != "login_password"}


def refusals(config: dict[str, Any]) -> list[Refusal]:
    """Return what is wrong with the combination of options, as the command would report it."""
    try:
        build([Layer("the inventory", config, is_file=True)])
    except Refused as error:
        variable = PREFIX + error.message.split(" ", 1)[0].replace(".", "_")
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        return [Refusal("bad_option", message, variable if variable in known() else "")]
    return []
