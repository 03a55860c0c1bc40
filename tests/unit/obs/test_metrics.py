"""Figures as Prometheus reads them."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from firki.obs.metrics import FIGURES, Figures, Value


class Program:
    """A report, and how often it was asked for."""

    def __init__(self, **report: Value) -> None:
        self.report = dict(report)
        self.asked = 0
        self.registry = CollectorRegistry()
        self.registry.register(Figures(self.read))

    def read(self) -> Mapping[str, Value]:
        self.asked += 1
        return self.report


def test_a_figure_shows_its_source_at_each_scrape() -> None:
    program = Program(frames_received_total=3)
    assert program.registry.get_sample_value("frames_received_total") == 3
    program.report["frames_received_total"] = 5
    assert program.registry.get_sample_value("frames_received_total") == 5


def test_a_scrape_asks_for_one_report_and_registering_for_none() -> None:
    program = Program(uptime_seconds=1, memory_bytes=2)
    assert program.asked == 0
    generate_latest(program.registry)
    assert program.asked == 1


def test_a_figure_with_a_label_shows_a_number_for_each() -> None:
    program = Program(
        ticks_refused_total={"yesterday": 2, "outside": 1}, connection_age_seconds={"0": 0.25}
    )
    text = generate_latest(program.registry).decode()
    assert 'ticks_refused_total{reason="yesterday"} 2.0' in text
    assert 'connection_age_seconds{connection="0"} 0.25' in text


def test_what_is_not_known_shows_no_sample() -> None:
    registry = Program(data_age_seconds=None).registry
    assert registry.get_sample_value("data_age_seconds") is None
    assert registry.get_sample_value("ticks_decoded_total") is None


def test_a_report_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="uptime_seconds"):
        generate_latest(Program(uptime_seconds={"a": 1}).registry)
    with pytest.raises(TypeError, match="each reason"):
        generate_latest(Program(ticks_refused_total=1).registry)
    with pytest.raises(LookupError, match="no_such_figure"):
        generate_latest(Program(no_such_figure=1).registry)


def test_two_programs_in_one_process_do_not_share_figures() -> None:
    first, second = Program(uptime_seconds=1), Program(uptime_seconds=2)
    assert first.registry.get_sample_value("uptime_seconds") == 1
    assert second.registry.get_sample_value("uptime_seconds") == 2


def test_names_say_their_unit_and_every_figure_its_meaning() -> None:
    helps = re.findall(r"# HELP (\w+) (.+)", generate_latest(Program().registry).decode())
    assert [name for name, _ in helps] == [figure.name for figure in FIGURES]
    units = r"(_total|_seconds|_bytes|_record|symbols|instruments|with_ticks)$"
    for name, meaning in helps:
        assert re.search(units, name)
        assert len(meaning) > 8


def test_every_figure_has_its_place_on_the_page_in_the_same_order() -> None:
    page = (Path(__file__).parents[3] / "docs/metrics.md").read_text()
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert headings == [figure.name for figure in FIGURES]
