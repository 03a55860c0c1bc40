"""``firki sim``: a market in a box."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firki.cli.exits import told
from firki.cli.moments import day_of, time_of
from firki.cli.up import MOST_INSTRUMENTS, MOST_SEED, USUAL_DAY, tell_first_start

if TYPE_CHECKING:
    from firki.app.sim import SimFacts

_PARAGRAPH = """\
A simulated Kite is up: the trading day {date}, on this machine only.

  REST and websocket  {url}
  control door        {control}   (GET and POST /clock, POST /truth, GET /state)
  login page          {url}/connect/login?v=3&api_key={api_key}

Zerodha's own client works with it unchanged:

  kite = KiteConnect("{api_key}", root="{url}")
  kite.set_access_token("{access_token}")
  ticker = KiteTicker("{api_key}", "{access_token}", root="{websocket}")

To walk through the login: user {user_id}, password {password},
TOTP secret {totp}, API secret {api_secret}.
These are made from the seed and no secrets. Ctrl+C ends it."""


def simulate(
    tape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="'synthetic', or a file of recorded ticks; may be repeated."
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=0, max=MOST_SEED, help="What a market is drawn from."),
    ] = 7,
    day: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="DATE", help=f"Trading day, as 2026-11-20; else {USUAL_DAY}."
        ),
    ] = None,
    start: Annotated[
        str, typer.Option(metavar="TIME", help="Market time to begin at, HH:MM IST.")
    ] = "09:00",
    speed: Annotated[
        str,
        typer.Option(
            metavar="SPEED", help="Market seconds a second, or a schedule by the time of day."
        ),
    ] = "60@09:00,5@10:00",
    paused: Annotated[bool, typer.Option("--paused", help="Begin with the clock stopped.")] = False,
    instruments: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, max=MOST_INSTRUMENTS, help="How many instruments trade."
        ),
    ] = 500,
    steady_hz: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            max=8,
            help="Load test: so many snapshots a second of every instrument.",
        ),
    ] = None,
    accounts: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=1, max=100, help="How many accounts the broker has."),
    ] = 1,
    port: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, max=65_535, help="REST and websocket; 0 takes any free port."
        ),
    ] = 0,
    control_port: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, max=65_535, help="Control door; 0 takes any free port."
        ),
    ] = 0,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="No request limits.")] = False,
    keep_token: Annotated[
        bool, typer.Option("--keep-token", help="Access tokens outlive 06:00.")
    ] = False,
    redirect_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the login sends the request token.")
    ] = None,
    end_with_stdin: Annotated[
        bool, typer.Option("--end-with-stdin", help="Stop when standard input ends.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line when it is up.")
    ] = False,
) -> None:
    """Run a Kite of your own on loopback, at any hour: login, quotes, history, websocket."""
    import asyncio

    def announce(facts: "SimFacts") -> None:
        typer.echo(as_line(facts) if as_json else in_words(facts))

    with told():
        chosen, begins = day_of("--date", day), time_of("--start", start)
        if not as_json:
            tell_first_start()
        from firki.app.sim import SimOptions, run_sim

        options = SimOptions(
            tape=_files(tape or []), seed=seed, day=chosen, start=begins, speed=speed,
            paused=paused, instruments=instruments, steady_hz=steady_hz, accounts=accounts,
            port=port, control_port=control_port, limits=not no_limits, keep_token=keep_token,
            redirect_url=redirect_url, end_with_stdin=end_with_stdin,
        )  # fmt: skip
        asyncio.run(run_sim(options, announce))


def _files(tape: list[str]) -> tuple[Path, ...]:
    """None for the synthetic market."""
    if tape == ["synthetic"]:
        return ()
    return tuple(Path(name) for name in tape)


def as_line(facts: "SimFacts") -> str:
    import msgspec

    return msgspec.json.encode(facts).decode()


def in_words(facts: "SimFacts") -> str:
    import msgspec

    return _PARAGRAPH.format(**msgspec.structs.asdict(facts))
