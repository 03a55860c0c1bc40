"""What is measured does what it says: the made-up feed, the plain peers, the figures."""

from pathlib import Path

import numpy as np
import pytest

from firki.app.bench import peers
from firki.app.bench.feed import OPEN, MadeUpFeed, decode, open_grid
from firki.app.bench.figure import Figure
from firki.kite import wire
from firki.live.reading import GridCandles
from firki.model.candle import MINUTE
from firki.model.tick import SECOND, Column


def test_every_instrument_has_a_packet_a_second() -> None:
    feed = MadeUpFeed(250)
    frames = feed.frames(2, 100)
    batches = [decode(frame) for frame in frames]
    assert [len(batch) for batch in batches] == [100, 100, 50] * 2
    assert [frame.seq for frame in frames] == list(range(3, 9))
    for second in range(2):
        tokens = [int(t) for b in batches[3 * second :][:3] for t in b.instrument_token]
        assert sorted(tokens) == sorted(feed.tokens.tolist())
    assert set(batches[3].exchange_ts.tolist()) == {(OPEN + 1) * SECOND}


def test_prices_stay_inside_the_day_and_volume_never_falls() -> None:
    feed = MadeUpFeed(300, trading=0.5)
    volume = np.zeros(300, np.int64)
    shown = 0
    for frame in feed.frames(60, 300):
        batch = decode(frame)
        assert (batch.low <= batch.last_price).all()
        assert (batch.last_price <= batch.high).all()
        now = batch.volume_traded.astype(np.int64)
        assert (now >= volume).all()
        shown += int((now > volume).sum())
        volume = now
    assert shown == pytest.approx(0.5 * 60 * 300, rel=0.05)


def test_the_plain_decoder_reads_what_the_kernel_reads() -> None:
    [frame] = MadeUpFeed(40).second(40)
    batch = wire.decode(frame.payload)
    for row, tick in enumerate(peers.decode(frame.payload)):
        for name, column in (("instrument_token", Column.INSTRUMENT_TOKEN),
                             ("last_price", Column.LAST_PRICE), ("low", Column.LOW),
                             ("volume_traded", Column.VOLUME_TRADED),
                             ("last_trade_time", Column.LAST_TRADE_TIME),
                             ("oi_day_low", Column.OI_DAY_LOW),
                             ("exchange_time", Column.EXCHANGE_TIME)):  # fmt: skip
            assert tick[name] == batch.columns[column, row]


def test_the_plain_store_agrees_with_the_grid_on_open_close_and_volume(tmp_path: Path) -> None:
    """Highs may differ: the plain store misses those that only the day's extremes show."""
    feed = MadeUpFeed(20, trading=0.7)
    grid, store = open_grid(tmp_path, feed.tokens), peers.DictStore()
    for frame in feed.frames(150, 20):
        grid.apply(frame, decode(frame))
        store.apply(peers.decode(frame.payload))
    candles = GridCandles(grid.file)
    for token in feed.tokens.tolist():
        bars = candles.bars(token, MINUTE)
        assert bars is not None
        plain = store.read(token, 1, OPEN // 60)
        assert bars.start_ts.tolist() == [bar["start"] * SECOND for bar in plain]
        for name in ("open", "close", "volume"):
            assert getattr(bars, name).tolist() == [bar[name] for bar in plain]
        assert bars.tick_count.tolist() == [bar["ticks"] for bar in plain]
        assert all(bars.high >= [bar["high"] for bar in plain])


def test_five_minutes_are_joined_from_the_open() -> None:
    store = peers.DictStore()
    tick = {"instrument_token": 1, "last_price": 0, "volume_traded": 0, "last_trade_time": OPEN}
    store.apply([tick])
    for minute in range(7):
        store.apply([tick | {
            "last_price": 100 * (minute + 1), "volume_traded": minute + 1,
            "last_trade_time": OPEN + 60 * minute,
        }])  # fmt: skip
    first, second = store.read(1, 5, OPEN // 60)
    assert (first["start"], first["open"], first["close"], first["volume"]) == (OPEN, 1, 5, 5)
    assert (second["start"], second["high"], second["ticks"]) == (OPEN + 300, 7, 2)


def test_a_ratio_above_one_is_always_better() -> None:
    rate = Figure(what="a", value=10.0, unit="ticks/s", peer=5.0)
    time = Figure(what="b", value=10.0, unit="us", peer=5.0, less_is_better=True)
    alone = Figure(what="c", value=10.0, unit="ms")
    assert (rate.ratio, time.ratio, alone.ratio) == (2.0, 0.5, None)
