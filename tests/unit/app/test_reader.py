"""``firki.open()`` on a captured market."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests import small_market
from tests.fakes.disk import FaultyDisk
from tests.fakes.small_day import DAY, INFY, Said, book, records

import firki
from firki.app.folder import DataFolder
from firki.app.market_day import decode_kite, decode_ticks, open_grid
from firki.app.reader import Reader
from firki.capture.journal_day import create
from firki.errors import Rejected, Unavailable
from firki.live.grid import Rules
from firki.model.candle import CandleColumns, Interval, Status
from firki.model.ist import ist_midnight


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_market.capture(tmp_path_factory.mktemp("open")).root


@pytest.fixture(scope="module")
def market(folder: Path) -> Reader:
    return firki.open(folder)


def test_count_gives_exactly_so_many_candles_with_and_without_the_forming_one(
    market: Reader,
) -> None:
    with_it = market.candles("NSE:INFY", count=5)
    without = market.candles("NSE:INFY", count=5, include_current=False)
    assert len(with_it) == len(without) == 5
    assert with_it["status"].to_list() == ["final"] * 4 + ["forming"]
    assert set(without["status"]) == {"final"}
    assert without["start_ts"].to_list()[1:] == with_it["start_ts"].to_list()[:-1]


def test_prices_are_rupees_and_what_does_not_exist_is_null(market: Reader) -> None:
    share = market.candles("NSE:INFY", count=1).row(0, named=True)
    index = market.candles("NSE:NIFTY 50", count=1).row(0, named=True)
    future = market.candles("NFO:NIFTY26NOVFUT", count=1).row(0, named=True)
    assert 1500 < share["open"] < 1510
    assert share["volume"] > 0
    assert share["oi"] is None
    assert index["volume"] is None
    assert index["oi"] is None
    assert future["oi"] is not None
    assert "no_volume" in index["flags"]
    assert share["session"] == "continuous"


def test_a_token_is_as_good_as_a_key_and_spellings_are_one(market: Reader) -> None:
    by_key = market.candles("NSE:INFY", "5minute")
    assert by_key.equals(market.candles("408065", "5m"))
    assert by_key.schema["flags"] == pl.List(pl.String)


def test_a_range_holds_the_candles_that_start_in_it(market: Reader) -> None:
    opens = ist_midnight(small_market.EARLIER) + 33_300 * 10**9
    found = market.columns("NSE:INFY", from_ts=opens, to_ts=opens + 2 * 60 * 10**9)
    assert (np.diff(found.start_ts) == 60 * 10**9).all()
    assert len(found) == 3


async def test_it_works_where_an_event_loop_runs_as_in_a_notebook(market: Reader) -> None:
    assert len(market.candles("NSE:INFY", count=3)) == 3


def test_a_bar_is_final_by_the_rules_its_day_was_begun_with(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    patient = replace(book(), rules=Rules(final_market_seconds=120))
    create(data.journal(DAY), patient.header(DAY), patient.attachments(), disk=FaultyDisk())
    grid = open_grid(data.grid(DAY), DAY, patient, capacity=10)
    grid.recover(0)
    said = [Said(INFY, "10:14:30", 1500.0, 0), Said(INFY, "10:15:00", 1501.0, 100)]
    for frame in records(said, until="10:18:50"):
        grid.apply(frame, decode_ticks(frame, decode_kite))
    grid.close()
    found = firki.open(tmp_path).columns("NSE:INFY", "2m")
    assert found.status.tolist() == [Status.FORMING], "its end at 10:17 is not two minutes past"


def test_an_unknown_key_is_refused_with_what_comes_near(market: Reader) -> None:
    with pytest.raises(Rejected, match="NSE:INFY"):
        market.candles("NSE:INFI")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="firki demo"):
        firki.open(tmp_path / "nothing")


class Watched(Reader):
    """A reader that says from where on it had to read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun: list[int] = []

    async def read(
        self,
        tokens: Sequence[int],
        interval: Interval,
        from_ts: int,
        to_ts: int,
        *,
        as_of_ts: int | None = None,
    ) -> CandleColumns:
        self.begun.append(from_ts)
        return await super().read(tokens, interval, from_ts, to_ts, as_of_ts=as_of_ts)


def test_the_newest_candles_are_read_from_the_newest_day_back(folder: Path) -> None:
    market = Watched(folder)
    newest = ist_midnight(small_market.DAY)
    assert len(market.candles("NSE:INFY", count=5)) == 5
    assert market.begun == [newest]
    market.begun.clear()
    assert len(market.candles("NSE:INFY", count=15)) == 15
    assert market.begun == [newest, 0], "the newest day had too few"


def test_a_count_within_a_range_never_reads_before_it(folder: Path) -> None:
    market = Watched(folder)
    opens = ist_midnight(small_market.DAY) + 33_300 * 10**9
    found = market.columns("NSE:INFY", count=500, from_ts=opens, include_current=False)
    assert len(found) == small_market.MINUTES - 1
    assert market.begun == [opens]


def test_a_folder_may_be_named_by_text_and_an_instrument_by_its_token(
    folder: Path, market: Reader
) -> None:
    same = firki.open(str(folder)).candles(small_market.INFY, count=3)
    assert same.equals(market.candles("NSE:INFY", count=3))
    with pytest.raises(Unavailable, match="does not exist"):
        firki.open("no/such/folder")


def test_an_interval_that_is_none_is_refused_with_the_forms_it_may_have(market: Reader) -> None:
    with pytest.raises(Rejected, match="interval '5x': expected minutes"):
        market.candles("NSE:INFY", "5x")


def test_a_week_whose_days_are_not_all_in_the_folder_is_partial(market: Reader) -> None:
    """Thursday and Friday were captured."""
    [week] = market.candles("NSE:INFY", "week").to_dicts()
    [month] = market.candles("NSE:INFY", "month").to_dicts()
    assert "partial" in week["flags"]
    assert "partial" in month["flags"]
    assert not any(
        "partial" in bar["flags"] for bar in market.candles("NSE:INFY", "day").to_dicts()
    )


def test_a_week_is_whole_when_all_its_days_so_far_are_there(tmp_path: Path) -> None:
    days = [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)]
    small_market.capture(tmp_path / "data", *days)
    [week] = firki.open(tmp_path / "data").candles("NSE:INFY", "week").to_dicts()
    assert "partial" not in week["flags"]
