"""How a command ends: the same exit codes for every command, and an error as one sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from firki.config import Settings

BROKE, WRONG, HELD, AWAY, DAMAGED, REFUSED = 1, 2, 3, 4, 5, 6

MEANINGS: Final = (
    (0, "done"),
    (BROKE, "something broke; of `firki doctor`: a check failed"),
    (WRONG, "a setting or an argument is wrong"),
    (HELD, "another process holds what is needed"),
    (AWAY, "what is needed is not there or does not answer; later may work"),
    (DAMAGED, "data on disk is damaged"),
    (REFUSED, "refused: the same call would be refused again"),
)
"""Every exit code with its meaning, as the command reference tells it."""


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
