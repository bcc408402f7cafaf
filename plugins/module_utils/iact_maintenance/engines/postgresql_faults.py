"""Translate the exceptions of PostgreSQL and its driver to codes and messages."""

from __future__ import annotations

import re

from ..errors import DatabaseFault
from ..limits import shortage, shortage_in
from ..secret import foreign
from .endpoint import Endpoint

_MESSAGE_CHARACTERS = 400
_QUOTES = "\"'«»„\u201c\u201d\u2018\u2019"
# Our sentence already has the address.
_PLACE = re.compile(r"connection to server (?:at|on socket) .*? failed: ", re.DOTALL)

_UNREACHABLE = ("db_unreachable", "check that the server runs and listens at this address")
_AUTH = ("auth", "check the account and its password in the file that passfile names, and pg_hba.conf")
_TOO_MANY = ("too_many_connections", "raise the limit, or end idle connections")
_NO_DATABASE = ("no_database", "check login_db")
_TLS = ("tls", "set ca_cert to the CA of the server's certificate, or tls to a mode that the server supports")
_CERTIFICATE = (
    "tls",
    "set client_cert (and client_key, if the key is in another file) to the certificate of this account; the key "
    "must have mode 0600 and no passphrase",
)
_LOST = ("connection_lost", "read the server's log; run it again when the server is running")
_TIMEOUT = ("timeout", "see what else keeps the server busy: SELECT * FROM pg_stat_activity")
_PROTOCOL = ("db_protocol", "check that a PostgreSQL server listens at this address")
_GRANT = (
    "missing_privilege",
    "let an administrator run what `iact-maintenance grants JOB` prints, or GRANT what the message names",
)
_READ_ONLY = ("read_only", "on a standby, run this on its primary; otherwise set an account that is allowed to write")
_POOLER = (
    "pooler",
    "this pooler refuses the project's options: set login_host and login_port of the server itself, or "
    "ignore_startup_parameters = options in pgbouncer.ini, if the project works with that",
)
_NO_SPACE = ("no_space", "free space on the server's disk, then run it again")

_STATES = {
    "42P01": ("no_table", "check the name of the table and login_db"),
    "3F000": ("no_table", "check the name of the table and login_db"),
    "42501": _GRANT,
    "25006": _READ_ONLY,
    "40P01": ("deadlock", "run it again"),
    "40001": ("deadlock", "run it again"),
    "55P03": ("lock_timeout", "see which transaction holds the lock: SELECT * FROM pg_stat_activity"),
    "57014": _TIMEOUT,
    "53100": _NO_SPACE,
    "53300": _TOO_MANY,
    "3D000": _NO_DATABASE,
    "28P01": _AUTH,
    "28000": _AUTH,
    # By the server's source file, because the state is that of any missing privilege and the text is translated.
    "rls.c": (
        "row_security",
        "as administrator: ALTER ROLE … BYPASSRLS for this account, because row security hides rows from it",
    ),
}
_CLASSES = {"08": _LOST, "57": _LOST}

# A refused login brings no code, only words, which are the server's own and in its language; those of the client, which
# is never told a language, are English. The first that fits counts.
_WORDS = (
    ("timeout expired", ("timeout", "check whether the server hangs, and whether a firewall drops packets")),
    ("no pg_hba.conf entry", _AUTH),
    ("password authentication failed", _AUTH),
    ("no password supplied", _AUTH),
    ("is not permitted to log in", _AUTH),
    ("unsupported startup parameter", _POOLER),
    ("too many", _TOO_MANY),
    ("remaining connection slots", _TOO_MANY),
    ("starting up", _UNREACHABLE),
    ("shutting down", _UNREACHABLE),
    ("recovery mode", _UNREACHABLE),
    ("received invalid response", _PROTOCOL),
    ("valid client certificate", _CERTIFICATE),
    ("private key", _CERTIFICATE),
    ("certificate file", _CERTIFICATE),
    ("SSL", _TLS),
    ("certificate", _TLS),
    ("Connection refused", _UNREACHABLE),
    ("could not translate host name", _UNREACHABLE),
    ("No such file or directory", _UNREACHABLE),
    ("No route to host", _UNREACHABLE),
    ("Network is unreachable", _UNREACHABLE),
    ("closed the connection unexpectedly", _LOST),
    ("could not receive data", _LOST),
    ("connection already closed", _LOST),
    ("expected authentication request", _PROTOCOL),
    ("invalid", _PROTOCOL),
)


def fault_of(endpoint: Endpoint, spoken: str, error: Exception) -> DatabaseFault:
    """Return the DatabaseFault for an exception of the driver; its text is redacted and on one line."""
    state = getattr(error, "pgcode", None) or ""
    trouble = (None if state else shortage_in(str(error))) or shortage(error)
    if trouble is not None and "FATAL:" not in str(error):
        return DatabaseFault(trouble.code, f"{spoken}: {trouble.message}", hint=trouble.hint)
    text = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    source = getattr(getattr(error, "diag", None), "source_file", None) or ""
    named = _STATES.get(source) or _STATES.get(state) or _CLASSES.get(state[:2])
    code, hint = named or _by_words(endpoint, text, known=bool(state))
    message = foreign("; ".join(_sentences(text)), _MESSAGE_CHARACTERS)
    return DatabaseFault(code, f"{spoken}: {message}", hint=hint, facts={"server_code": state} if state else None)


def _sentences(text: str) -> list[str]:
    """Return the sentences of a driver's words without the place, which our own sentence has named, and each once.

    libpq tries a server once with TLS and once without, and gives the refusal of each.
    """
    sentences = (part.strip() for part in _PLACE.split(text))
    return list(dict.fromkeys(sentence for sentence in sentences if sentence))


def _by_words(endpoint: Endpoint, text: str, *, known: bool) -> tuple[str, str]:
    if known:
        return "db_refused", ""
    _client, refused, message = text.partition("FATAL:")
    names_database = bool(refused) and _names(message, endpoint.database or "") and "pg_hba" not in message
    # In any language, only the refusal for a missing database names the database and no account.
    if names_database and ("database" in message or not _names(message, endpoint.user)):
        return _NO_DATABASE
    for words, meaning in _WORDS:
        if words in text:
            return meaning
    if refused:
        return _AUTH if _names(message, endpoint.user) else ("db_refused", "")
    return _PROTOCOL


def _names(message: str, name: str) -> bool:
    """Return whether a sentence contains the name in quotation marks of any language."""
    return re.search(rf"[{_QUOTES}]\s?{re.escape(name)}\s?[{_QUOTES}]", message) is not None
