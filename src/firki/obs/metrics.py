"""Figures for Prometheus, taken from one report of the program when they are asked for.

A part counts for itself and tells in its report; ``app`` hands over a report with a number for each
figure's name. Nothing is counted twice, and the hot path knows no metric.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Value = float | Mapping[str, float] | None
"""One number, a number for each label value, or nothing known."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A counter where the name ends in _total, else a gauge; a label means a number for each."""

    name: str
    meaning: str
    label: str | None = None

    def family(self, value: Value) -> Metric:
        """The figure with its samples; without a value it has none."""
        family = self._empty()
        if isinstance(value, Mapping):
            if self.label is None:
                raise TypeError(f"{self.name}: expected one number, found {sorted(value)}")
            for label, number in value.items():
                family.add_metric([label], number)
        elif value is not None:
            if self.label is not None:
                raise TypeError(f"{self.name}: expected a number for each {self.label}")
            family.add_metric([], value)
        return family

    def _empty(self) -> CounterMetricFamily | GaugeMetricFamily:
        labels = [self.label] if self.label else []
        if self.name.endswith("_total"):
            return CounterMetricFamily(self.name, self.meaning, labels=labels)
        return GaugeMetricFamily(self.name, self.meaning, labels=labels)


FIGURES: Final = (
    Figure("frames_received_total", "Frames of the feed received, heartbeats and text too"),
    Figure("received_bytes_total", "Bytes of frames received"),
    Figure("ticks_decoded_total", "Ticks decoded from frames"),
    Figure("frames_corrupt_total", "Frames whose bytes break the format"),
    Figure("packets_skipped_total", "Packets of no known kind"),
    Figure("connections_replaced_total", "Sockets replaced, by connection", "connection"),
    Figure("connection_age_seconds", "Since the last frame, by connection", "connection"),
    Figure("data_age_seconds", "Since the newest frame of any connection, heartbeats too"),
    Figure("tick_age_seconds", "Market time since the day's newest tick came in"),
    Figure("last_tick_timestamp_seconds", "When the day's newest tick came in, Unix time"),
    Figure("exchange_lag_seconds", "From the exchange's stamp to the arrival here"),
    Figure("journal_newest_record", "Number of the newest record of the day"),
    Figure("journal_acknowledged_record", "Number of the newest record safely on disk"),
    Figure("journal_backlog_bytes", "Bytes of records not yet on disk"),
    Figure("journal_fsync_seconds", "The newest fsync of the journal"),
    Figure("journal_append_waited_seconds_total", "Intake's waits for the disk"),
    Figure("ticks_folded_total", "Ticks taken into the day"),
    Figure("ticks_refused_total", "Ticks that moved no candle, by reason", "reason"),
    Figure("trades_total", "Ticks that were a trade"),
    Figure("candles_created_total", "One-minute candles of the day begun"),
    Figure("candles_completed_total", "One-minute candles of the day that are final"),
    Figure("candles_amended_total", "Final candles changed by a late tick"),
    Figure("posted_ticks_refused_total", "Posted ticks that were not taken, by reason", "reason"),
    Figure("registered_symbols", "Instruments of today's master"),
    Figure("instruments", "Instruments wanted"),
    Figure("instruments_with_ticks", "Instruments that had a tick today"),
    Figure("bus_handler_failures_total", "Calls inside the process that raised"),
    Figure("memory_bytes", "Resident memory of the process"),
    Figure("start_timestamp_seconds", "When the program started, Unix time of the market"),
    Figure("uptime_seconds", "Since the program started"),
)


class Figures(Collector):
    """All figures; what a report does not name shows no sample."""

    def __init__(self, read: Callable[[], Mapping[str, Value]]) -> None:
        """``read`` is asked once a scrape for the numbers by their figures' names."""
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Registering must not read the source."""
        return [figure.family(None) for figure in FIGURES]

    def collect(self) -> Iterable[Metric]:
        report = self._read()
        if unknown := report.keys() - {figure.name for figure in FIGURES}:
            raise LookupError(f"report: expected the names of figures, found {sorted(unknown)}")
        return [figure.family(report.get(figure.name)) for figure in FIGURES]
