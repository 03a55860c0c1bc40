"""Log lines: one event each, to standard error and to a file a day, without secrets."""

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from traceback import format_exception
from types import TracebackType
from typing import Final, TextIO

from firki.obs.redaction import Redactor

_IST: Final = timezone(timedelta(hours=5, minutes=30))
_LONGEST_MESSAGE: Final = 8_192
_LONGEST_TRACE: Final = 65_536
_FILE: Final = re.compile(r"firki-(\d{4}-\d\d-\d\d)\.log")

# Controls, line separators, and the marks that turn the writing direction around: any of them in
# a value from outside could forge a line or hide one on a terminal.
_UNSAFE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_NAMES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda found: _NAMES.get(found[0], f"\\u{ord(found[0]):04x}"), text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ... {len(text) - most} characters more"


class LineFormatter(logging.Formatter):
    """``2026-11-20T09:15:00.123+05:30 INFO capture.plant connection opened connection=1``.

    An event is always one line; a traceback follows on lines that begin with a bar.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, _IST).isoformat(timespec="milliseconds")
        message = _escaped(_cut(record.getMessage(), _LONGEST_MESSAGE))
        lines = [f"{moment} {record.levelname} {record.name.removeprefix('firki.')} {message}"]
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        for trace in (record.exc_text, record.stack_info):
            if trace:
                text = _cut(trace.rstrip("\n"), _LONGEST_TRACE)
                lines += [f"  | {_escaped(line)}" for line in text.split("\n")]
        return "\n".join(lines)


class DailyFile(logging.Handler):
    """Appends to ``firki-DATE.log``, a new one each Indian day; the oldest are deleted.

    A disk that fails costs lines, which are counted, and never the program.
    """

    def __init__(self, folder: Path, *, keep_days: int) -> None:
        super().__init__()
        self._folder, self._keep_days = folder, keep_days
        self._file: TextIO | None = None
        self._day: date | None = None
        self.lost_lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            day = datetime.fromtimestamp(record.created, _IST).date()
            file = self._file if self._file and day == self._day else self._open(day)
            file.write(self.format(record) + "\n")
            file.flush()
        except OSError:
            self.lost_lines += 1
            self._shut()

    def close(self) -> None:
        self.acquire()
        try:
            self._shut()
        finally:
            self.release()
        super().close()

    def _open(self, day: date) -> TextIO:
        self._shut()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"firki-{day.isoformat()}.log"
        # the lines name instruments and accounts: for the owner alone
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file = file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
        self._day = day
        for old in self._folder.iterdir():
            found = _FILE.fullmatch(old.name)
            if found and day - date.fromisoformat(found[1]) >= timedelta(days=self._keep_days):
                old.unlink(missing_ok=True)
        return file

    def _shut(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be flushed is lost already
                self._file.close()
            self._file = None


TOLD_APART: Final = {"told_apart": True}
"""``extra`` of a record for the file alone: the command itself tells the terminal in a sentence."""


def _is_not_told_apart(record: logging.LogRecord) -> bool:
    return not hasattr(record, "told_apart")


@contextmanager
def logging_to(
    folder: Path | None,
    *,
    level: str = "INFO",
    stderr: bool = True,
    keep_days: int = 14,
    redactor: Redactor,
) -> Iterator[Callable[[], int]]:
    """Everything logged inside goes to the folder's daily file and to standard error.

    Libraries are heard from WARNING on. Every handler has the redactor, so no logger gets past it.
    What is given counts the lines that the disk did not take.
    """
    files = [DailyFile(folder, keep_days=keep_days)] if folder is not None else []
    handlers: list[logging.Handler] = [*files]
    if stderr:
        terminal = logging.StreamHandler(sys.stderr)
        terminal.addFilter(_is_not_told_apart)
        handlers.append(terminal)
    root, own = logging.getLogger(), logging.getLogger("firki")
    before = root.level, own.level
    for handler in handlers:
        handler.setFormatter(LineFormatter())
        handler.addFilter(redactor)
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    own.setLevel(level)
    logging.captureWarnings(True)
    try:
        yield lambda: sum(file.lost_lines for file in files)
    finally:
        logging.captureWarnings(False)
        root.setLevel(before[0])
        own.setLevel(before[1])
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def guard_crashes(redactor: Redactor) -> Callable[[], None]:
    """What nobody caught is shown on standard error without secrets; the answer undoes it."""

    def show(
        kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        text = redactor.clean("".join(format_exception(kind, fault, trace)))
        sys.stderr.write("\n".join(_escaped(line) for line in text.split("\n")))

    def show_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            show(args.exc_type, args.exc_value, args.exc_traceback)

    def show_unraisable(args: "sys.UnraisableHookArgs") -> None:
        show(args.exc_type, args.exc_value, args.exc_traceback)

    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    sys.excepthook, threading.excepthook, sys.unraisablehook = show, show_thread, show_unraisable

    def undo() -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before

    return undo
