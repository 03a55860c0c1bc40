"""The accounts of a simulated broker: credentials derived from the seed, so known and no secret."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

_TOTP_BYTES: Final = 20
"""160 bits, as RFC 4226 recommends; 32 characters of base32, as Kite hands out."""


def digest(seed: int, *words: object) -> bytes:
    """32 bytes that depend on the seed and the words only."""
    return hashlib.sha256(":".join(["firki sim", str(seed), *map(str, words)]).encode()).digest()


def letters(raw: bytes, length: int) -> str:
    """Lower-case letters and digits made of the bytes."""
    return base64.b32encode(raw).decode().lower().rstrip("=")[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user with one registered app; the market is a toy on loopback, nothing of it is secret."""

    user_id: str
    user_name: str
    password: str
    totp: str
    api_key: str
    api_secret: str
    redirect_url: str

    @property
    def email(self) -> str:
        return f"{self.user_id.lower()}@example.invalid"


def derive(seed: int, count: int, redirect_url: str) -> tuple[Account, ...]:
    """The first ``count`` accounts of a seed: the same in every start."""
    return tuple(_account(seed, number, redirect_url) for number in range(count))


def _account(seed: int, number: int, redirect_url: str) -> Account:
    def word(kind: str, length: int) -> str:
        return letters(digest(seed, number, kind), length)

    return Account(
        user_id=f"FK{1001 + number:04d}",
        user_name=f"Firki Trader {number + 1}",
        password=word("password", 16),
        totp=base64.b32encode(digest(seed, number, "totp")[:_TOTP_BYTES]).decode(),
        api_key=word("api_key", 16),
        api_secret=word("api_secret", 32),
        redirect_url=redirect_url,
    )
