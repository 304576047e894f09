"""Where what the service remembers is kept: a SQLite file, or a PostgreSQL database that several hosts share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

SCHEMES = ("postgresql", "postgres")
TLS_MODES = ("disable", "prefer", "require", "verify-full")
"""Values of ``sslmode``, as libpq has them: none; if the server can; always; and its certificate is checked."""

_OPTIONS = {"sslmode", "sslrootcert", "host"}
_SECRET = re.compile(r"(?<=://).*(?=@)|(?<=password=)[^&\s'\"]*", re.S)


@dataclass(frozen=True)
class PostgresUrl:
    """The address of a PostgreSQL database. As a string it shows no password."""

    text: str = field(repr=False)
    """The URL as it was given."""
    user: str
    password: str | None = field(repr=False)
    host: str
    port: int
    database: str
    socket_folder: str | None
    """Folder of the server's socket, instead of a host."""
    tls: str
    tls_roots: str | None
    """File of the certificates to trust instead of the system's."""

    @classmethod
    def parse(cls, text: str) -> PostgresUrl:
        """Read ``postgresql://user:password@host:port/database?sslmode=…``. Raises ValueError, without the password."""
        parts = urlsplit(text)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown, tls = sorted(options.keys() - _OPTIONS), options.get("sslmode", "prefer")
        if parts.scheme not in SCHEMES:
            raise ValueError("it is neither a file nor a postgresql:// address")
        if unknown:
            raise ValueError(
                f"the address may have sslmode, sslrootcert and host, not {unknown[0]}"
            )
        if tls not in TLS_MODES:
            raise ValueError(f"sslmode is one of {', '.join(TLS_MODES)}")
        has_server = bool(parts.hostname or options.get("host"))
        if not (parts.username and has_server and parts.path.strip("/")):
            raise ValueError(
                "the address needs user, host and database: postgresql://user@host/database"
            )
        return cls(
            text=text,
            user=unquote(parts.username),
            password=unquote(parts.password) if parts.password else None,
            host=parts.hostname or "localhost",
            port=_port(parts),
            database=unquote(parts.path.strip("/")),
            socket_folder=options.get("host"),
            tls=tls,
            tls_roots=options.get("sslrootcert"),
        )

    def __str__(self) -> str:
        return without_secret(self.text)


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or 5432
    except ValueError:  # its message may quote a part of the password
        raise ValueError(
            "the port is no number; in a password / ? # @ and : are %2F %3F %23 %40 %3A"
        ) from None


def without_secret(text: str) -> str:
    """The text without the user and the password of an address."""
    return _SECRET.sub("********", text)


def _read(value: object) -> object:
    return PostgresUrl.parse(value) if isinstance(value, str) and "://" in value else value


Place = Path | PostgresUrl
"""A SQLite file or a PostgreSQL database."""

PlaceSetting = Annotated[Place, NoDecode, BeforeValidator(_read)]
"""A ``Place`` as a setting: a path, or ``postgresql://user:password@host/database``."""
