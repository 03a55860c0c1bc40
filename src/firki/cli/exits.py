"""How a command ends: the same exit codes for every command, and an error as one sentence.

0 done, 1 something broke, 2 a setting or argument is wrong, 3 another process holds what is needed,
4 the other side cannot be reached (later may work), 5 data on disk is damaged, 6 refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from firki.config import Settings

BROKE, WRONG, HELD, AWAY, DAMAGED, REFUSED = 1, 2, 3, 4, 5, 6


@contextmanager
def told() -> Iterator[None]:
    """Print a firki error as a sentence and leave with its exit code."""
    from firki import errors

    codes: dict[type[errors.FirkiError], int] = {
        errors.ConfigError: WRONG, errors.Busy: HELD, errors.Retryable: AWAY,
        errors.AuthExpired: AWAY, errors.Corrupt: DAMAGED, errors.Rejected: REFUSED,
    }  # fmt: skip
    try:
        yield
    except errors.FirkiError as error:
        typer.echo(f"firki: {error}", err=True)
        code = next((codes[kind] for kind in type(error).__mro__ if kind in codes), BROKE)
        raise typer.Exit(code) from None


def load_settings(config: "Path | None") -> "Settings":
    """The settings in force."""
    from firki.config import load

    return load(config, os.environ)
