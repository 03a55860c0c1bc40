"""``firki demo``: a whole market on loopback. The simulator is a child, met as a Kite is."""

import asyncio
import contextlib
import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from pydantic import SecretStr

from firki.app.clock import SimulatedClock
from firki.app.folder import DataFolder
from firki.app.kernels import warm
from firki.app.market_day import Book, CalendarFiles
from firki.app.source import TAPE_ACCOUNT
from firki.app.up import Ready, Stopped, Up
from firki.capture.journal_info import info
from firki.config import Account, Clock, Data, Settings
from firki.errors import ConfigError, Corrupt, FirkiError, Rejected, Unavailable
from firki.model.ist import ist_text
from firki.model.session import SessionClass
from firki.timing import SECOND

log = logging.getLogger(__name__)

_START_SECONDS: Final = 120.0
"""The first start compiles the simulator's kernels."""
_STOP_SECONDS: Final = 5.0
_BEFORE_OPEN_NS: Final = 30 * SECOND
_TOKEN_FILE: Final = "access_token"
_KEPT: Final = "demo.json"
_OWN: Final = frozenset(
    {
        "access_token", "capture.lock", "demo.json", "grid", "instruments", "journal", "keys",
        "lake", "logs", "running.json",
    }
)  # fmt: skip
"""What a demo leaves in its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """Which market the demo shows."""

    tape: tuple[Path, ...] = ()
    seed: int = 7
    day: date | None = None
    speed: str = "60@09:00,5@10:00"
    instruments: int = 500
    keep: bool = False


class _Kept(msgspec.Struct, frozen=True):
    """Which market a demo's folder holds: its days cannot go on with another."""

    tape: tuple[str, ...]
    seed: int
    instruments: int

    def __str__(self) -> str:
        if self.tape:
            return f"of the tape {', '.join(self.tape)}"
        return f"of seed {self.seed} with {self.instruments} instruments"


class _Box(msgspec.Struct):
    """The line ``firki sim --json`` prints, as far as the demo needs it."""

    url: str
    websocket: str
    control: str
    api_key: str
    access_token: str
    date: date


class Demo:
    """The demo's settings, its simulator and its firki."""

    def __init__(self, settings: Settings, options: DemoOptions) -> None:
        self._options = options
        self._folder = DataFolder(settings.data.folder / "demo")
        self.settings = settings.model_copy(update={"data": Data(folder=self._folder.root)})

    async def run(self, ready: Callable[[Ready], None], stopped: Stopped) -> None:
        """Until stopped; the simulator ends with it, however it ends."""
        self._clear()
        simulator = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for firki, which then stops the simulator
        )
        try:
            # compiling takes seconds at the first start: on two cores both do it at once
            box, _ = await asyncio.gather(self._box(simulator), asyncio.to_thread(warm))
            up = Up(self._settings_for(box), self._traded)
            beside = [asyncio.create_task(self._watch(simulator, up))]

            def begin(told: Ready) -> None:
                ready(told)
                beside.append(asyncio.create_task(_open_market(box)))

            try:
                await up.run(begin, stopped)
            finally:
                for task in beside:
                    task.cancel()
        finally:
            await _end(simulator)

    def _clear(self) -> None:
        """Empty the demo's folder, unless somebody is using it or it is to be kept."""
        with self._folder.capturing():
            if self._options.keep:
                self._go_on()
                return
            strange = [e.name for e in self._folder.root.iterdir() if e.name not in _OWN]
            if strange:
                raise ConfigError(
                    f"the demo empties {self._folder.root} at its start, and {strange[0]!r} there "
                    "is not its own; move it away, or choose another data.folder"
                )
            if self._folder.days():
                log.info("the last demo is thrown away (--keep goes on with it)")
            for entry in self._folder.root.iterdir():
                if entry.name in {"capture.lock", "logs"}:
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
            self._note()

    def _go_on(self) -> None:
        """Refuse to go on with another market than the one that was kept."""
        path = self._folder.root / _KEPT
        if not path.exists():
            self._note()
            return
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        except msgspec.MsgspecError as error:
            raise Corrupt(f"{path}: expected which market is kept: {error}") from error
        if kept != self._kept:
            raise ConfigError(
                f"--keep: the kept market is {kept}, the one asked for {self._kept}; ask for the "
                "kept one, or leave --keep away to begin anew"
            )

    def _note(self) -> None:
        (self._folder.root / _KEPT).write_bytes(msgspec.json.encode(self._kept))

    @property
    def _kept(self) -> _Kept:
        options = self._options
        tape = tuple(str(path.resolve()) for path in options.tape)
        return _Kept(tape, 0 if tape else options.seed, 0 if tape else options.instruments)

    def _command(self) -> list[str]:
        options = self._options
        command = [sys.executable, "-m", "firki", "sim", "--json", "--no-limits", "--keep-token"]
        command += [
            "--paused",
            "--end-with-stdin",
            "--seed",
            str(options.seed),
            "--speed",
            options.speed,
        ]
        command += ["--instruments", str(options.instruments)]
        command += self._beginning()
        for path in options.tape:
            command += ["--tape", str(path)]
        return command

    def _beginning(self) -> list[str]:
        """When the market begins: where a kept one was left, unless another day is asked for."""
        if self._options.day:
            return ["--date", self._options.day.isoformat()]
        days = self._folder.days() if self._options.keep and not self._options.tape else []
        for day in reversed(days):
            with contextlib.suppress(ConfigError):  # begun, and killed before it was written down
                if (left_ts := info(self._folder.journal(day)).last_ts) is not None:
                    return ["--date", day.isoformat(), "--start", ist_text(left_ts)[11:19]]
        return []

    async def _box(self, simulator: asyncio.subprocess.Process) -> _Box:
        assert simulator.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await simulator.stdout.readline()
        except TimeoutError:
            raise Unavailable(
                f"the simulator did not start within {_START_SECONDS:g} s; try `firki sim`"
            ) from None
        if not line:
            code = await simulator.wait()
            raise ConfigError(
                f"the simulator ended with exit code {code} before it was ready; what it said "
                "stands above"
            )
        return msgspec.json.decode(line, type=_Box)

    def _traded(self, book: Book) -> Sequence[int]:
        """What the simulated market trades on a day: it lists that first, and then contracts that
        only tell which shares have derivatives."""
        lines = book.csv.decode().splitlines()[1:]
        traded = lines if self._options.tape else lines[: self._options.instruments]
        return [int(line.partition(",")[0]) for line in traded]

    def _settings_for(self, box: _Box) -> Settings:
        token = self._folder.root / _TOKEN_FILE
        token.write_text(box.access_token)
        token.chmod(0o600)
        account = Account(
            name=TAPE_ACCOUNT if self._options.tape else "demo",
            api_key=SecretStr(box.api_key),
            access_token_file=token,
            root=box.url,
            websocket=box.websocket,
        )
        capture = self.settings.capture.model_copy(update={"mode": "full"})
        return self.settings.model_copy(
            update={
                "accounts": (account,),
                "capture": capture,
                "clock": Clock(url=box.control),
            }
        )

    async def _watch(self, simulator: asyncio.subprocess.Process, up: Up) -> None:
        code = await simulator.wait()
        up.fail(Unavailable(f"the demo's simulator ended with exit code {code}"))


async def _open_market(box: _Box) -> None:
    """Now that firki listens: play the pre-open through and let the market open.

    The simulator waited, so that not a trade is missed, however long the start took.
    """
    session = CalendarFiles.packaged().parse().session(SessionClass.CASH, box.date)
    clock = SimulatedClock(box.control)
    try:
        if session is not None:
            with contextlib.suppress(Rejected):  # it is later than that already
                await clock.change(to_ts=session.open_ts - _BEFORE_OPEN_NS)
        await clock.change(running=True)
    except FirkiError as error:
        log.warning("the market could not be started reason=%s", error)
    finally:
        await clock.close()


async def _end(simulator: asyncio.subprocess.Process) -> None:
    if simulator.returncode is not None:
        return
    if simulator.stdin is not None:
        simulator.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await simulator.wait()
    except TimeoutError:
        simulator.kill()
        await simulator.wait()
