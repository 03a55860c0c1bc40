"""Figures for Prometheus, taken from the parts' own counters when they are asked for.

A part counts for itself and tells in its report; ``app`` ties a report to a figure with
``follow``. Nothing is counted twice, and the hot path knows no metric.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Value = float | Mapping[str, float] | None
"""One number, a number for each label value, or nothing known."""


class Figure(Collector):
    """A counter or gauge read from elsewhere; without a source it shows no sample."""

    def __init__(
        self, name: str, meaning: str, kind: Literal["counter", "gauge"], label: str | None
    ) -> None:
        self.name, self._meaning, self._kind, self._label = name, meaning, kind, label
        self._read: Callable[[], Value] = lambda: None

    def follow(self, read: Callable[[], Value]) -> None:
        """Take the value from ``read`` at each scrape."""
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Registering must not read the source."""
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        family, value = self._family(), self._read()
        if isinstance(value, Mapping):
            if self._label is None:
                raise TypeError(f"{self.name}: expected one number, found {sorted(value)}")
            for label, number in value.items():
                family.add_metric([label], number)
        elif value is not None:
            if self._label is not None:
                raise TypeError(f"{self.name}: expected a number for each {self._label}")
            family.add_metric([], value)
        return [family]

    def _family(self) -> CounterMetricFamily | GaugeMetricFamily:
        labels = [self._label] if self._label else []
        if self._kind == "counter":
            return CounterMetricFamily(self.name, self._meaning, labels=labels)
        return GaugeMetricFamily(self.name, self._meaning, labels=labels)


@dataclass(frozen=True, slots=True)
class Metrics:
    """One field for each figure, under its public name."""

    frames_received_total: Figure
    received_bytes_total: Figure
    ticks_decoded_total: Figure
    frames_corrupt_total: Figure
    packets_skipped_total: Figure
    connections_replaced_total: Figure
    connection_age_seconds: Figure
    data_age_seconds: Figure
    tick_age_seconds: Figure
    journal_newest_record: Figure
    journal_acknowledged_record: Figure
    journal_backlog_bytes: Figure
    journal_fsync_seconds: Figure
    journal_append_waited_seconds_total: Figure
    ticks_folded_total: Figure
    ticks_refused_total: Figure
    trades_total: Figure
    candles_created_total: Figure
    candles_completed_total: Figure
    candles_amended_total: Figure
    instruments: Figure
    instruments_with_ticks: Figure
    bus_handler_failures_total: Figure
    memory_bytes: Figure
    uptime_seconds: Figure


_MEANINGS: Final[Mapping[str, tuple[str, str | None]]] = {
    "frames_received_total": ("Frames of the feed received, heartbeats and text too", None),
    "received_bytes_total": ("Bytes of frames received", None),
    "ticks_decoded_total": ("Ticks decoded from frames", None),
    "frames_corrupt_total": ("Frames whose bytes break the format", None),
    "packets_skipped_total": ("Packets of no known kind", None),
    "connections_replaced_total": ("Sockets replaced, by connection", "connection"),
    "connection_age_seconds": ("Since the last frame, by connection", "connection"),
    "data_age_seconds": ("Since the newest frame of any connection, heartbeats too", None),
    "tick_age_seconds": ("Market time since the day's newest tick came in", None),
    "journal_newest_record": ("Number of the newest record of the day", None),
    "journal_acknowledged_record": ("Number of the newest record safely on disk", None),
    "journal_backlog_bytes": ("Bytes of records not yet on disk", None),
    "journal_fsync_seconds": ("The newest fsync of the journal", None),
    "journal_append_waited_seconds_total": ("Intake's waits for the disk", None),
    "ticks_folded_total": ("Ticks taken into the day", None),
    "ticks_refused_total": ("Ticks that moved no candle, by reason", "reason"),
    "trades_total": ("Ticks that were a trade", None),
    "candles_created_total": ("One-minute candles of the day begun", None),
    "candles_completed_total": ("One-minute candles of the day that are final", None),
    "candles_amended_total": ("Final candles changed by a late tick", None),
    "instruments": ("Instruments wanted", None),
    "instruments_with_ticks": ("Instruments that had a tick today", None),
    "bus_handler_failures_total": ("Calls inside the process that raised", None),
    "memory_bytes": ("Resident memory of the process", None),
    "uptime_seconds": ("Since the program started", None),
}


def create_metrics(registry: CollectorRegistry) -> Metrics:
    """All figures, registered; each shows its value once it follows something."""
    figures = {}
    for field in fields(Metrics):
        meaning, label = _MEANINGS[field.name]
        kind: Literal["counter", "gauge"] = "counter" if field.name.endswith("_total") else "gauge"
        figures[field.name] = Figure(field.name, meaning, kind, label)
        registry.register(figures[field.name])
    return Metrics(**figures)
