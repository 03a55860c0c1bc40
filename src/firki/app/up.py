"""``firki up``: the real thing, on one machine. Parts are begun, joined, run and stopped here.

Starting goes by what is lost when it waits: the intake first, then what serves and stores.
Stopping has one written order and a deadline: intake stops, what came in is drained, journal and
grid are flushed (open candles stay provisional, never final), the doors close, the tally is told.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any, Final

import msgspec

from firki.app.folder import DataFolder
from firki.app.intake import Intake, Wishes
from firki.capture.journal_disk import DiskError
from firki.config import Settings
from firki.errors import ConfigError, FirkiError
from firki.obs.logs import TOLD_APART
from firki.serve.listening import listen

if TYPE_CHECKING:
    from firki.app.doors import Doors
    from firki.serve.credentials import Credentials

log = logging.getLogger(__name__)

Stopped = Callable[[dict[str, Any]], None]
"""Who is told what it came to, once everything is closed."""

DEADLINE_SECONDS: Final = 10.0
_FEED_FIRST_SECONDS: Final = 1.0
"""How long the doors wait for the feed to open, so as not to compete with it for the processor."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What whoever started firki is told once it can be used."""

    url: str
    link: str
    api_key: str
    data_folder: Path


class Up:
    """The running firki."""

    def __init__(self, settings: Settings, wishes: Wishes | None = None) -> None:
        """``wishes`` say what is captured on a day, ``capture.want`` when they are not given."""
        if not settings.accounts:
            raise ConfigError(
                "accounts: none is set; firki up needs one ([[accounts]] with name, api_key and "
                "access_token_file). `firki demo` needs none"
            )
        self._settings = settings
        self._wishes = wishes or (lambda _: settings.capture.want)
        self._account = settings.accounts[0]
        if len(settings.accounts) > 1:
            log.warning("only the first account is used name=%s", self._account.name)
        self._folder = DataFolder(settings.data.folder)
        self._stop = asyncio.Event()
        self._failure: FirkiError | None = None
        self._intake: Intake | None = None
        self._intake_tasks: list[asyncio.Task[None]] = []
        self._door_tasks: list[asyncio.Task[None]] = []

    def stop(self) -> None:
        """Begin the orderly stop."""
        self._stop.set()

    def fail(self, error: FirkiError) -> None:
        """Stop because of an error, which ``run`` raises in the end."""
        if self._failure is None:
            self._failure = error
            log.error("stopping reason=%s", error, extra=TOLD_APART)
        self._stop.set()

    async def run(self, ready: Callable[[Ready], None], stopped: Stopped) -> None:
        """Run until stopped, then tell the final statistics."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        self._folder.hold()
        async with contextlib.AsyncExitStack() as stack:
            serving = self._settings.serve
            sock = listen(serving.host, serving.port, public_url=serving.public_url)
            stack.callback(sock.close)
            beginning = self._start(self._begin(stack, sock, ready))
            await self._stop.wait()
            await self._end(beginning)
            if self._intake is not None:
                self._tell_totals(self._intake, stopped)
        if self._failure is not None:
            raise self._failure

    async def _begin(
        self, stack: contextlib.AsyncExitStack, sock: socket, ready: Callable[[Ready], None]
    ) -> None:
        self._intake = await Intake.open(
            self._settings, self._account, self._folder, stack, self.fail, self._wishes
        )
        self._intake_tasks.append(self._start(self._intake.run()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FEED_FIRST_SECONDS):
                await self._intake.opened.wait()
        # for most of a second: in a thread, frames are stamped and kept meanwhile
        doors = await asyncio.to_thread(_open_doors, self._settings, self._folder, self._intake)
        self._door_tasks.append(self._start(doors.run(sock)))
        ready(self._ready(sock.getsockname(), doors.credentials))

    async def _end(self, beginning: asyncio.Task[None]) -> None:
        """The order of stopping; what the deadline cuts off is recovered at the next start."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await _cancel([beginning])
                await _cancel(self._intake_tasks)
                await self._flush()
                await _cancel(self._door_tasks)
        except TimeoutError:
            self._tell_cut_short()

    def _tell_cut_short(self) -> None:
        log.warning("stop cut short seconds=%g", DEADLINE_SECONDS)
        if self._intake is None:
            return
        journal = self._intake.market.day.journal
        if lost := journal.newest - journal.acknowledged:
            self.fail(
                DiskError(
                    f"stopped after {DEADLINE_SECONDS:g} s with {lost} records of "
                    f"{self._intake.market.day.trading_date} not on disk (acknowledged: up to "
                    f"{journal.acknowledged}); the disk did not take them in time"
                )
            )

    async def _flush(self) -> None:
        try:
            if self._intake is not None:
                await self._intake.close()
        except FirkiError as error:
            self.fail(error)
        except OSError as error:
            self.fail(DiskError(f"stopping failed: {error}; what the journal has is safe"))

    @staticmethod
    def _tell_totals(intake: Intake, stopped: Stopped) -> None:
        journal = intake.market.day.journal
        totals = {
            "trading_date": intake.market.day.trading_date.isoformat(),
            "journal_newest": journal.newest,
            "journal_acknowledged": journal.acknowledged,
            **intake.market.totals(),
            **intake.plant.report(),
        }
        log.info("stopped %s", " ".join(f"{k}={v}" for k, v in totals.items()))
        stopped(totals)

    def _start(self, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(part)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if (told := _told(error)) is not None:
            self.fail(told)
            return
        log.error("a part broke down", exc_info=error)
        self.fail(FirkiError(f"a part of firki broke down: {type(error).__name__}: {error}"))

    def _ready(self, address: Any, credentials: "Credentials") -> Ready:
        host, port = address[0], address[1]
        url = self._settings.serve.public_url or f"http://{host}:{port}"
        running = msgspec.json.encode({"url": f"http://{host}:{port}", "pid": os.getpid()})
        self._folder.status.write_bytes(running)
        return Ready(url, credentials.link(url), credentials.keys.clear_text(), self._folder.root)


def _open_doors(settings: Settings, folder: DataFolder, intake: Intake) -> "Doors":
    from firki.app.doors import Doors

    return Doors(settings, folder, intake)


def _told(error: BaseException) -> FirkiError | None:
    """The first error of ours in what a group of tasks raised."""
    if isinstance(error, FirkiError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for e in error.exceptions if (found := _told(e)) is not None), None)
    return None


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
