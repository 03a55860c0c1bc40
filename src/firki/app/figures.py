"""The health document's numbers under the names of the figures for Prometheus."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firki.obs.metrics import Value


def figures(document: Mapping[str, Any]) -> dict[str, Value]:
    """A number for each figure, all from one document, so that they belong together."""
    d, journal, feed = document, document["journal"], document["feed"]
    return {
        "frames_received_total": feed["frames"],
        "received_bytes_total": feed["received_bytes"],
        "ticks_decoded_total": feed["ticks"],
        "frames_corrupt_total": feed["corrupt_frames"],
        "packets_skipped_total": feed["skipped_packets"],
        "connections_replaced_total": _by_connection(d, "replaced"),
        "connection_age_seconds": _by_connection(d, "age_seconds"),
        "data_age_seconds": d["data_age_seconds"],
        "tick_age_seconds": d["tick_age_seconds"],
        "last_tick_timestamp_seconds": _unix(d["last_tick_time"]),
        "exchange_lag_seconds": d["exchange_lag_seconds"],
        "journal_newest_record": journal["newest"],
        "journal_acknowledged_record": journal["acknowledged"],
        "journal_backlog_bytes": journal["backlog_bytes"],
        "journal_fsync_seconds": journal["fsync_milliseconds"] / 1e3,
        "journal_append_waited_seconds_total": journal["append_waited_seconds"],
        "ticks_folded_total": d["ticks_processed"],
        "ticks_refused_total": d["refused"],
        "trades_total": d["trades"],
        "candles_created_total": d["candles_created"],
        "candles_completed_total": d["candles_completed"],
        "candles_amended_total": d["amendments"],
        "posted_ticks_refused_total": d["posted_refused"],
        "registered_symbols": d["registered_symbols"],
        "instruments": d["instrument_count"],
        "instruments_with_ticks": d["instruments_with_ticks"],
        "bus_handler_failures_total": d["handler_failures"],
        "memory_bytes": round(d["memory_mb"] * 1e6),
        "start_timestamp_seconds": _unix(d["start_time"]),
        "uptime_seconds": d["uptime_seconds"],
    }


def _by_connection(document: Mapping[str, Any], name: str) -> dict[str, float]:
    """The number of each connection that has one."""
    links = document["connections"]
    return {str(c["connection"]): c[name] for c in links if c[name] is not None}


def _unix(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
