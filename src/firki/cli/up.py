"""``firki up`` and ``firki demo``: the running programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firki.cli.exits import load_settings, told
from firki.cli.moments import day_of, time_of
from firki.cli.options import ConfigFile, Day, OfDemo, existing, recorded_day, settings_of

if TYPE_CHECKING:
    from firki.app.up import Ready

USUAL_DAY = "the newest before today, or the oldest of the tape"
"""Which day a market shows that is told none."""
MOST_SEED, MOST_INSTRUMENTS = 4_294_967_295, 27_000
"""Of a made-up market; written out, because the market itself is slow to import."""


def up(config: ConfigFile = None) -> None:
    """Capture the market: feed in, journal, candles, page and API, until it is stopped."""
    with told():
        tell_first_start()
        from firki.app.programs import run_up

        run_up(load_settings(config), show, show_totals)


def demo(
    config: ConfigFile = None,
    tape: Annotated[
        list[Path] | None,
        typer.Option(
            "--tape",
            metavar="FILE",
            help="Recorded ticks (Parquet or CSV) instead of made-up ones; may be repeated.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=MOST_SEED, help="Which made-up market.")
    ] = 7,
    date: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help=f"Trading day, as 2026-11-20; else {USUAL_DAY}; with --keep the last one.",
        ),
    ] = None,
    speed: Annotated[
        str,
        typer.Option(
            metavar="SPEED", help="Market seconds a second: 60, or by time 60@09:00,5@10:00."
        ),
    ] = "60@09:00,5@10:00",
    instruments: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, max=MOST_INSTRUMENTS, help="How many instruments trade."
        ),
    ] = 500,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the data of the last demo.")
    ] = False,
) -> None:
    """Open a live-looking market day on this machine; no account is needed."""
    with told():
        day = day_of("--date", date)
        tell_first_start()
        from firki.app.demo import DemoOptions
        from firki.app.programs import run_demo

        options = DemoOptions(
            tape=tuple(tape or ()), seed=seed, day=day, speed=speed, instruments=instruments,
            keep=keep,
        )  # fmt: skip
        run_demo(load_settings(config), options, show, show_totals)


def replay(
    day: Day = None,
    speed: Annotated[
        float,
        typer.Option(metavar="NUMBER", min=0.001, max=100_000, help="Market seconds a second."),
    ] = 1.0,
    paused: Annotated[
        bool, typer.Option("--paused", help="Wait to be run or stepped from the page or API.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Play up to this time at once, HH:MM IST."),
    ] = None,
    demo: OfDemo = False,
    config: ConfigFile = None,
) -> None:
    """Serve a recorded day again: page, API and stream show it as it was, at any speed."""
    with told():
        settings = settings_of(config, demo=demo)
        chosen = recorded_day(existing(settings), day)
        from_time = None if start is None else time_of("--from", start)
        tell_first_start()
        from firki.app.programs import run_replay

        run_replay(settings, chosen, speed=speed, paused=paused, start=from_time, ready=show)


def tell_first_start() -> None:
    """Say why a first start takes longer, before it does."""
    from firki.app.kernels import are_compiled

    if not are_compiled():
        typer.echo("firki: compiling, once: about half a minute", err=True)


def show(ready: "Ready") -> None:
    """Tell where the page is. Flushed, because other programs wait for these lines."""
    typer.echo(f"\nOpen {ready.link}")
    typer.echo("(the link works once, for five minutes; stop with Ctrl-C)\n")
    typer.echo(f"api: {ready.url}/api")
    typer.echo(f"api_key: {ready.api_key}")
    typer.echo(f"data: {ready.data_folder}\n")
    import sys

    sys.stdout.flush()


def show_totals(totals: dict[str, Any]) -> None:
    """What the run came to; Any: counters, and refusals by reason."""
    from firki.cli.totals import describe

    typer.echo(f"stopped\n{describe(totals)}")
