"""The recorded ticks of one day as columns, each row with its instrument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from firki.errors import ConfigError
from firki.kite.vocabulary import NUMBERING
from firki.model.instrument import INDICES, Instrument
from firki.model.recorded_names import Person, invented, parse_symbols
from firki.model.recorded_ticks import date_of, is_of, people_of, read_ticks
from firki.simulator.universe import table_bytes

I64 = npt.NDArray[np.int64]

_IST_NS: Final = 19_800_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_LARGEST: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class RecordedTicks:
    """Columns of recorded ticks; those of one instrument stand in the order of their arrival.

    ``number`` is the place in ``instruments``. ``ts`` is ns UTC as recorded, faults included, 0
    where there was none; ``price`` the exchange's integers. ``left_out`` counts the rows that no
    packet can hold, by reason.
    """

    trading_date: date
    instruments: tuple[Instrument, ...]
    number: npt.NDArray[np.int32]
    ts: I64
    price: I64
    volume: I64
    oi: I64
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.ts)

    def on(self, day: date) -> npt.NDArray[np.bool_]:
        """The rows that carry this date."""
        days = (self.ts + _IST_NS) // _DAY_NS + _EPOCH_ORDINAL
        same: npt.NDArray[np.bool_] = days == day.toordinal()
        return same


def read_recording(paths: Sequence[Path]) -> RecordedTicks:
    """The ticks of all files, one after the other; raises as ``read_ticks`` and ``invented`` do."""
    rows = pl.concat([read_ticks(str(path), path.read_bytes) for path in paths])
    day = date_of(rows)
    instruments = _instruments(rows, day)
    judged = _judged(rows, instruments, day)
    sent = judged.filter(pl.col("reason").is_null())
    if not len(sent.filter(is_of(day) & (pl.col("ts") != 0))):
        named = ", ".join(str(path) for path in paths)
        raise ConfigError(f"ticks {named}: expected rows that can be played, found none")
    heard = set(sent["code"])
    listed = {each.instrument_token: each for _, each in sorted(instruments.items())}
    listed = {token: each for token, each in listed.items() if token in heard}
    number = sent["code"].replace_strict(list(listed), range(len(listed)), return_dtype=pl.Int32)
    return RecordedTicks(
        day, tuple(listed.values()), number.to_numpy(), sent["ts"].to_numpy(),
        sent["price"].cast(pl.Int64).to_numpy(), sent["counted"].to_numpy(),
        sent["oi"].to_numpy(),
        dict(judged["reason"].drop_nulls().value_counts(sort=True).iter_rows()),
    )  # fmt: skip


def _instruments(rows: pl.DataFrame, day: date) -> dict[str, Instrument]:
    """As ``firki build`` names them, who looks at the rows of the day only; then the others."""
    named = rows.filter(pl.col("name").is_not_null())
    people = {who.name: who for who in people_of(named.filter(is_of(day)))}
    others: list[Person] = [who for who in people_of(named) if who.name not in people]
    symbols = parse_symbols(shares=table_bytes("shares.csv"), indices=table_bytes("indices.csv"))
    return invented([*people.values(), *others], symbols, NUMBERING, day=day)


def _judged(rows: pl.DataFrame, instruments: dict[str, Instrument], day: date) -> pl.DataFrame:
    """With the instrument's token as ``code``, the price in the exchange's integers, the volume
    ``counted`` (none of an index), the newest open interest, and why no packet can hold the row,
    null where one can."""
    found = instruments.values()
    described = pl.DataFrame(
        {
            "name": list(instruments),
            "code": [each.instrument_token for each in found],
            "scale": [each.price_scale for each in found],
            "is_index": [each.segment == INDICES for each in found],
        },
        schema={"name": pl.String, "code": pl.Int64, "scale": pl.Int64, "is_index": pl.Boolean},
    )
    price, counted = pl.col("price"), pl.col("counted")
    return (
        rows.join(described, on="name", how="left", maintain_order="left")
        .with_columns(
            price=(pl.col("ltp").fill_nan(None) * pl.col("scale")).round().fill_null(0.0),
            counted=pl.when("is_index").then(0).otherwise("volume"),
            oi=pl.col("oi").forward_fill().over("code", is_of(day)).fill_null(0).clip(0, _LARGEST),
        )
        .with_columns(
            reason=pl.when(pl.col("name").is_null())
            .then(pl.lit("no_symbol"))
            .when(counted.is_null())
            .then(pl.lit("no_volume"))
            .when(~counted.is_between(0, _LARGEST))
            .then(pl.lit("volume_range"))
            .when(price == 0)
            .then(pl.lit("no_price"))
            .when(~price.is_between(1, _LARGEST))
            .then(pl.lit("price_range"))
        )
    )
