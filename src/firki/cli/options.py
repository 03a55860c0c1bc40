"""Options that several commands share, and what they come to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import load_settings

if TYPE_CHECKING:
    from datetime import date

    from firki.app.folder import DataFolder
    from firki.config import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file; else ~/.config/firki/config.toml."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for programs.")]
OfDemo = Annotated[bool, typer.Option("--demo", help="The data of `firki demo`, not your own.")]
Day = Annotated[
    str | None,
    typer.Argument(metavar="DATE", help="Trading day, as 2026-11-20; else the newest."),
]


def settings_of(config: Path | None, *, demo: bool) -> "Settings":
    """The settings in force; with ``demo`` the data folder is the demo's."""
    settings = load_settings(config)
    if not demo:
        return settings
    from firki.config import Data

    folder = Data(folder=settings.data.folder / "demo")
    return settings.model_copy(update={"data": folder})


def existing(settings: "Settings") -> "DataFolder":
    """The data folder to read; raises Unavailable when there is none."""
    from firki.app.folder import DataFolder
    from firki.errors import Unavailable

    root = settings.data.folder
    if not root.is_dir():
        raise Unavailable(
            f"data folder {root} does not exist: nothing was captured there yet; start `firki up` "
            "or `firki demo` (its data are read with --demo)"
        )
    return DataFolder(root)


def folder_of(config: Path | None, *, demo: bool) -> "DataFolder":
    """The data folder that the options name."""
    return existing(settings_of(config, demo=demo))


def recorded_day(folder: "DataFolder", text: str | None) -> "date":
    """The day asked for, else the newest that has a journal; ConfigError for one that has none."""
    from firki.cli.moments import day_of
    from firki.errors import ConfigError, Unavailable

    wanted = day_of("DATE", text)
    kept = folder.days()
    if not kept:
        raise Unavailable(f"data folder {folder.root} has no journal: nothing was captured yet")
    if wanted is None:
        return kept[-1]
    if wanted not in kept:
        newest = ", ".join(day.isoformat() for day in kept[-5:])
        raise ConfigError(f"no journal of {wanted} in {folder.root}; newest: {newest}")
    return wanted
