"""Options that several commands share, and what they come to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import load_settings

if TYPE_CHECKING:
    from firki.app.folder import DataFolder
    from firki.config import Settings

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else ~/.config/firki/config.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for programs.")]
OfDemo = Annotated[bool, typer.Option("--demo", help="The data of `firki demo`, not your own.")]


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
