"""What a stopped firki says it came to."""

from typing import Any, Final

from firki.cli.totals import REFUSED, describe
from firki.live.layout import REFUSALS

TOTALS: Final[dict[str, Any]] = {
    "trading_date": "2026-11-20", "journal_newest": 12_34_567, "journal_acknowledged": 12_34_560,
    "instrument_count": 500, "instruments_with_ticks": 498, "ticks_processed": 1_00_00_000,
    "trades": 60_00_000, "candles_created": 1_85_000, "candles_completed": 1_84_500,
    "amendments": 7, "refused": {"lower_mode": 1500, "future": 2}, "outside_session": 12,
    "late": 0, "depth_only": 40_00_000, "gaps": {"minutes": 1_230, "instruments": 62},
    "frames": 1_23_456, "ticks": 99_999,
    "texts": 2, "corrupt_frames": 1, "skipped_packets": 0, "received_bytes": 1_500_000,
    "clock_steps_back": 0, "last_corrupt": "frame 7: cut",
    "newest_frame_ts": 1_795_146_405_123_456_789,
}  # fmt: skip


def test_the_figures_stand_in_lines_for_people() -> None:
    assert describe(TOTALS).splitlines() == [
        "trading date                    2026-11-20",
        "journal                         12,34,560 of 12,34,567 records on disk",
        "frames                          1,23,456, 1.5 MB, the newest at 2026-11-20 09:16:45 IST",
        "ticks                           99,999 since the start; of the day 1,00,00,000",
        "trades                          60,00,000",
        "instruments                     498 with ticks of 500",
        "candles                         1,85,000 begun, 1,84,500 final",
        "amendments                      7",
        "refused                         1,500 that carried less than the mode asked for",
        "                                2 with a time more than an hour ahead",
        "gaps                            1,230 minutes of 62 instruments",
        "trades outside the session      12",
        "ticks that only moved the book  40,00,000",
        "texts                           2",
        "corrupt frames                  1",
        "last corrupt                    frame 7: cut",
    ]


def test_a_day_of_nothing_has_few_lines() -> None:
    nothing = dict.fromkeys(TOTALS, 0) | {
        "trading_date": "2026-11-20", "refused": {}, "gaps": {"minutes": 0, "instruments": 0},
    }  # fmt: skip
    assert len(describe(nothing).splitlines()) == 8


def test_every_refusal_has_its_words() -> None:
    assert REFUSED.keys() == set(REFUSALS)
