"""API keys: who is asking, and what they may do.

``GISA_API_KEYS`` holds entries such as ``newsroom:admin:3f8a…`` (name, role, SHA-256 of the key),
separated by blanks or commas. A key is 256 random bits, so that a plain hash can't be reversed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from service.errors import SettingsInvalid
from service.settings import Settings

Role = Literal["ask", "admin"]
"""``ask`` may ask, search and read; ``admin`` may also change what the index holds."""

_ENTRY = re.compile(r"(?P<name>[\w.-]{1,64}):(?P<role>ask|admin):(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class Caller:
    """Whom a request comes from: the name of a key, or an address."""

    name: str
    role: Role


class Keys:
    """The API keys that are accepted."""

    def __init__(self, known: Sequence[tuple[bytes, Caller]]) -> None:
        self._known = tuple(known)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The keys of ``GISA_API_KEYS``. Raises SettingsInvalid."""
        known = []
        for number, entry in enumerate(text.replace(",", " ").split(), start=1):
            match = _ENTRY.fullmatch(entry)
            if (
                match is None
            ):  # The entry itself is not shown: it may be a key put there by mistake.
                raise SettingsInvalid(
                    f"GISA_API_KEYS: entry {number} is not NAME:ROLE:HASH",
                    remedy="Make a key and its entry: gisa key NAME --role ask",
                )
            role: Role = "admin" if match["role"] == "admin" else "ask"
            known.append((bytes.fromhex(match["digest"]), Caller(match["name"], role)))
        return cls(known)

    def __len__(self) -> int:
        return len(self._known)

    def caller(self, key: str) -> Caller | None:
        """The caller to whom a key belongs; None if it is unknown."""
        digest = _digest(key)
        # All are compared, each in constant time, so that timing reveals nothing about any of them.
        found = [who for known, who in self._known if hmac.compare_digest(known, digest)]
        return found[0] if found else None


def new_key(name: str, role: Role) -> tuple[str, str]:
    """A new key and its entry for ``GISA_API_KEYS``. Raises SettingsInvalid for a malformed name."""
    key = f"gisa_{secrets.token_urlsafe(32)}"
    entry = f"{name}:{role}:{_digest(key).hex()}"
    if not _ENTRY.fullmatch(entry):
        raise SettingsInvalid(
            f"{name!r} can't name a key", remedy="Use letters, digits, '.', '_' and '-'."
        )
    return key, entry


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def keys_of(settings: Settings) -> Keys | None:
    """The accepted keys; None if no key is needed. Raises SettingsInvalid."""
    if settings.auth == "none":
        return None
    keys = Keys.parse(settings.api_keys.get_secret_value())
    if not keys:
        raise SettingsInvalid(
            "GISA_AUTH=keys, but GISA_API_KEYS is empty",
            remedy="Make a key and its entry: gisa key NAME --role ask",
        )
    return keys
