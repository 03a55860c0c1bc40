"""Log lines, their file, and what hostile text can do to them."""

import logging
import stat
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firki.obs import LineFormatter, Redactor, guard_crashes, logging_to
from firki.obs.logs import TOLD_APART, DailyFile

CANARY = "cAn4ryS3cretV4lue"
LOG = logging.getLogger("firki.capture.plant")
NOON = datetime(2026, 11, 20, 3, 45, 0, 123_000, tzinfo=UTC).timestamp()


def record(message: str, *args: object, created: float = NOON) -> logging.LogRecord:
    made = logging.LogRecord("firki.capture.plant", logging.INFO, "f.py", 1, message, args, None)
    made.created = created
    return made


@pytest.fixture
def root() -> logging.Logger:
    return logging.getLogger()


def fail(fault: Exception) -> None:
    raise fault


def written(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("firki-*.log")))


def test_a_line_has_indian_time_level_name_and_event() -> None:
    line = LineFormatter().format(record("connection opened connection=%d tokens=%d", 1, 3000))
    assert line == (
        "2026-11-20T09:15:00.123+05:30 INFO capture.plant "
        "connection opened connection=1 tokens=3000"
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "x\n2026-11-20T09:15:00.123+05:30 INFO trade.rules order approved",
        "x\r\ny", "x\ry", "\x1b[2J\x1b[31mred", "\x9b31m", "a\u2028b", "a\u2029b", "a\x85b",
        "\u202egnp.exe", "\u2066x\u2069", "nul\x00byte", "back\x08space", "\x7f", "\x0bvt\x0cff",
    ],
)  # fmt: skip
def test_nothing_from_outside_can_forge_or_hide_a_line(hostile: str) -> None:
    line = LineFormatter().format(record("symbol unknown name=%s", hostile))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_an_exceptions_text_cannot_forge_a_line() -> None:
    made = record("call failed")
    try:
        fail(ValueError("x\n2026-11-20T09:15:00.123+05:30 INFO trade.rules approved\x1b[2J"))
    except ValueError:
        made.exc_info = sys.exc_info()
    first, *trace = LineFormatter().format(made).split("\n")
    assert first.endswith("call failed")
    assert len(trace) > 2
    assert all(line.startswith("  | ") and line.isprintable() for line in trace)


def test_a_message_without_end_is_cut() -> None:
    line = LineFormatter().format(record("x" * 100_000))
    assert len(line) < 9_000
    assert "characters more" in line


def test_lines_go_to_the_days_file_and_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    redactor = Redactor()
    redactor.hide(CANARY)
    with logging_to(tmp_path / "logs", redactor=redactor) as lost:
        LOG.info("connected url=wss://ws.example/?api_key=k%s&x=1", CANARY)
        LOG.info("value %s", CANARY)
        LOG.debug("not told")
        logging.getLogger("some.library").info("not told either")
        logging.getLogger("some.library").warning("password=%s", CANARY)
    text = written(tmp_path / "logs")
    assert text == capsys.readouterr().err
    assert len(text.splitlines()) == 3
    assert CANARY not in text
    assert lost() == 0
    assert LOG.getEffectiveLevel() == logging.getLogger().level


def test_what_the_command_tells_the_terminal_goes_to_the_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_to(tmp_path, redactor=Redactor()):
        LOG.error("stopping reason=%s", "no room", extra=TOLD_APART)
    assert "stopping reason=no room" in written(tmp_path)
    assert capsys.readouterr().err == ""


def test_what_was_set_up_is_taken_down(tmp_path: Path, root: logging.Logger) -> None:
    before = list(root.handlers), root.level, logging.getLogger("firki").level
    with pytest.raises(RuntimeError), logging_to(tmp_path, stderr=False, redactor=Redactor()):
        raise RuntimeError
    assert (list(root.handlers), root.level, logging.getLogger("firki").level) == before


def test_a_logged_exception_has_no_secret_in_the_file(tmp_path: Path) -> None:
    with logging_to(tmp_path, stderr=False, redactor=Redactor()):
        try:
            fail(ConnectionError(f"GET https://x/?access_token={CANARY} failed"))
        except ConnectionError:
            LOG.exception("request failed headers=%s", {"Authorization": f"token a:{CANARY}"})
    text = written(tmp_path)
    assert "ConnectionError" in text
    assert CANARY not in text


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with logging_to(tmp_path, stderr=False, redactor=Redactor()):
        LOG.warning("x")
    [path] = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_indian_day_begins_a_new_file_and_the_oldest_go(tmp_path: Path) -> None:
    handler = DailyFile(tmp_path, keep_days=2)
    handler.setFormatter(LineFormatter())
    (tmp_path / "notes.log").write_text("mine")
    for day, hour in [(18, 12), (19, 12), (20, 18), (20, 19)]:
        moment = datetime(2026, 11, day, hour, 29, tzinfo=UTC).timestamp()
        handler.handle(record(f"day {day} hour {hour}", created=moment))
    handler.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["firki-2026-11-20.log", "firki-2026-11-21.log", "notes.log"]
    assert "day 20 hour 18" in (tmp_path / "firki-2026-11-20.log").read_text()


def test_a_second_start_appends(tmp_path: Path) -> None:
    for n in (1, 2):
        handler = DailyFile(tmp_path, keep_days=2)
        handler.setFormatter(LineFormatter())
        handler.handle(record(f"start {n}"))
        handler.close()
    assert written(tmp_path).count("start") == 2


def test_a_disk_that_fails_costs_lines_and_never_the_program(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with logging_to(tmp_path / "logs", stderr=False, redactor=Redactor()) as lost:
        LOG.warning("one")
        LOG.warning("two")
        assert lost() == 2
        (tmp_path / "logs").unlink()
        LOG.warning("three")
    assert lost() == 2
    assert "three" in written(tmp_path / "logs")


def test_a_lone_surrogate_is_written_as_an_escape(tmp_path: Path, root: logging.Logger) -> None:
    # nobody else hears it: workers of a test run pass what was logged on as UTF-8
    others = root.handlers[:]
    root.handlers.clear()
    try:
        with logging_to(tmp_path, stderr=False, redactor=Redactor()) as lost:
            LOG.warning("name=%s", "\ud800")
        assert lost() == 0
    finally:
        root.handlers[:] = others
    assert r"\ud800" in written(tmp_path)


def test_what_nobody_caught_is_shown_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = Redactor()
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    undo = guard_crashes(redactor)
    try:
        fault = RuntimeError(f"api_key={CANARY}\x1b[2J")
        sys.excepthook(type(fault), fault, None)

        for raised in (fault, SystemExit(0)):

            def crash(raised: BaseException = raised) -> None:
                raise raised

            thread = threading.Thread(target=crash)
            thread.start()
            thread.join()
    finally:
        undo()
    text = capsys.readouterr().err
    assert text.count("RuntimeError") == 2
    assert CANARY not in text
    assert "\x1b" not in text
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before
