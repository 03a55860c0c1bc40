"""``firki config``: the settings in force and where each came from."""

import json
import os
from typing import Annotated, Any

import typer

from firki.cli.options import ConfigFile

WRONG_SETTINGS = 2
"""Exit code: the operator must change a setting."""


def show_config(
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a commented file with every setting.")
    ] = False,
) -> None:
    """Show every setting in force with its origin, or an example file; secrets stay hidden."""
    from firki.config import effective, read
    from firki.config import example as example_file
    from firki.errors import ConfigError

    if example:
        typer.echo(example_file(), nl=False)
        return
    try:
        rows = effective(read(config, os.environ))
    except ConfigError as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(WRONG_SETTINGS) from None
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False, indent=2))
        return
    cells = [(row.key, _text(row.value), row.origin) for row in rows]
    widths = [min(40, max(len(cell[column]) for cell in cells)) for column in (0, 1)]
    for key, value, origin in cells:
        typer.echo(f"{key:{widths[0]}}  {value:{widths[1]}}  {origin}")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
