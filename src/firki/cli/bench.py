"""``firki bench``: firki's speed on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import told
from firki.cli.options import AsJson, ConfigFile, settings_of
from firki.cli.text import dump, grouped

if TYPE_CHECKING:
    from pathlib import Path

    from firki.app.bench.figure import Figure


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Do a tenth of the work; the figures are rough.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Measure decoding, folding, reading and the journal, each beside plain Python doing the same.

    In processor time, so that other programs count little; the journal's rate is by the clock, on
    the disk of the data folder. Takes a quarter of a minute and leaves nothing behind.
    """
    with told():
        settings = settings_of(config, demo=False)
        from firki.app.bench.run import measure_all

        figures: list[Figure] = []
        for figure in measure_all(_disk(settings.data.folder), quick=quick):
            figures.append(figure)
            if not as_json:
                typer.echo(_line(figure))
    if as_json:
        import msgspec

        rows = [{**msgspec.to_builtins(figure), "ratio": figure.ratio} for figure in figures]
        typer.echo(dump({"figures": rows}))


def _disk(folder: "Path") -> "Path":
    """The folder, or the nearest above it that exists."""
    places = (folder.absolute(), *folder.absolute().parents)
    return next(place for place in places if place.is_dir())


def _line(figure: "Figure") -> str:
    text = f"{figure.what:<71}{_number(figure.value):>14} {figure.unit:<8}"
    if figure.ratio is None:
        return text.rstrip()
    return f"{text}{_number(figure.ratio):>8} x {figure.beside} ({_number(figure.peer or 0)})"


def _number(value: float) -> str:
    if value >= 100:
        return grouped(round(value))
    return grouped(value, 1 if value >= 10 else 2)
