"""Programs that run until they are stopped, each on one event loop with logs set up."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, time
from typing import TYPE_CHECKING, Any

from firki.config import Settings
from firki.model.ist import ist_midnight
from firki.obs import Redactor, guard_crashes, logging_to
from firki.timing import SECOND

if TYPE_CHECKING:
    from firki.app.demo import DemoOptions
    from firki.app.up import Ready, Stopped


def run_up(settings: Settings, ready: "Callable[[Ready], None]", stopped: "Stopped") -> None:
    """``firki up``: raises FirkiError when it cannot begin or had to stop."""
    redactor = Redactor()
    for account in settings.accounts:
        redactor.hide(account.api_key.get_secret_value())
    with _logs(settings, redactor):
        run(_up(settings, ready, stopped))


async def _up(settings: Settings, ready: "Callable[[Ready], None]", stopped: "Stopped") -> None:
    from firki.app.up import Up

    await Up(settings).run(ready, stopped)


def run_demo(
    settings: Settings,
    options: "DemoOptions",
    ready: "Callable[[Ready], None]",
    stopped: "Stopped",
) -> None:
    """``firki demo``: a simulator in a child process and firki on it."""
    from firki.app.demo import Demo

    demo = Demo(settings, options)
    with _logs(demo.settings, Redactor()):
        run(demo.run(ready, stopped))


def run_replay(
    settings: Settings,
    day: date,
    *,
    speed: float,
    paused: bool,
    start: time | None,
    ready: "Callable[[Ready], None]",
) -> None:
    """``firki replay``: what comes before ``start`` is played at once."""
    from_ts = None
    if start is not None:
        seconds = (start.hour * 60 + start.minute) * 60 + start.second
        from_ts = ist_midnight(day) + seconds * SECOND

    async def program() -> None:
        from firki.app.replay import Replay

        await Replay(settings, day, speed=speed, paused=paused, from_ts=from_ts).run(ready)

    with _logs(settings, Redactor(), folder=False):
        run(program())


def run(program: Coroutine[Any, Any, None]) -> None:
    """On the fastest loop there is here."""
    if sys.platform == "win32":
        asyncio.run(program)
        return
    import uvloop

    uvloop.run(program)


@contextmanager
def _logs(settings: Settings, redactor: Redactor, *, folder: bool = True) -> Iterator[None]:
    """Log as the settings say; no secret is shown, not even by what nobody caught."""
    logs = logging_to(
        settings.log_folder if folder else None,
        level=settings.log.level,
        stderr=settings.log.stderr,
        keep_days=settings.log.keep_days,
        redactor=redactor,
    )
    unguard = guard_crashes(redactor)
    try:
        with logs:
            yield
    finally:
        unguard()
