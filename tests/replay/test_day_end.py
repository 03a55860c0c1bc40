"""A day closes, is settled into the lake, and the next one begins by itself."""

from pathlib import Path
from typing import Any

import pytest
from tests.replay.program import up, wait_until, write_settings
from tests.simulated_process import sim_process

pytestmark = pytest.mark.slow

_FIRST, _SECOND = "2026-11-17", "2026-11-18"
"""Options expire on the first, a Tuesday: on the second others are listed."""
_LISTED = 60
_SIM = (
    "--date", _FIRST, "--start", "15:26", "--instruments", str(_LISTED), "--speed", "300",
    "--paused", "--no-limits", "--keep-token",
)  # fmt: skip


def test_a_day_is_settled_after_its_close_and_the_next_begins_by_itself(tmp_path: Path) -> None:
    with sim_process(*_SIM) as sim, up(write_settings(tmp_path, sim.facts)) as program:
        wait_until(program.has_connected)
        sim.clock(run=True)
        span = {"from": f"{_FIRST}T00:00:00+05:30", "to": f"{_SECOND}T23:59:00+05:30"}

        def days_of_infy() -> Any:
            return program.get("/api/candles/NSE:INFY", interval="day", **span)["candles"]

        wait_until(lambda: len(days_of_infy()) == 2, seconds=60, what="trades of the next day")
        [link] = program.health()["connections"]
        assert link["reconnects"] == 0, "the open connection was carried over"
        assert program.health()["gaps"]["minutes"] == 0, "and nothing was missed"
        days = days_of_infy()
        assert [day["start_ts"][:10] for day in days] == [_FIRST, _SECOND]
        assert days[0]["status"] == "settled"
        minutes = program.get("/api/candles/NSE:INFY", interval="1m", **span)["candles"]
        past = [candle for candle in minutes if candle["start_ts"].startswith(_FIRST)]
        assert {candle["status"] for candle in past} == {"settled"}
        assert past[-1]["start_ts"][11:16] >= "15:29"
        assert list((tmp_path / "data/lake/minute").glob(f"{_FIRST}*.parquet"))
        old, new = _contracts(tmp_path, _FIRST), _contracts(tmp_path, _SECOND)
        listed = sorted(new - old)
        assert listed, "the second day has contracts of its own"

        def quoted() -> Any:
            return program.get("/api/quotes", keys=listed)["quotes"]

        wait_until(lambda: len(quoted()) == len(listed), what="quotes of the new contracts")
        gone = program.get("/api/quotes", keys=sorted(old - new))
        assert gone["quotes"] == {}, "what expired is not shown any more"
        assert program.end() < 10
        assert program.process.returncode == 0
        assert "Traceback" not in program.errors
        told = [line for line in program.errors.splitlines() if " INFO " in line]
        assert 0 < len(told) < 100, "a day and the next are told in few lines"


def _contracts(folder: Path, day: str) -> set[str]:
    """Keys of the derivatives that the simulated market trades on a day."""
    lines = (folder / f"data/instruments/{day}.csv").read_text().splitlines()[1 : _LISTED + 1]
    rows = [line.split(",") for line in lines]
    return {f"NFO:{row[2]}" for row in rows if row[11] == "NFO"}
