"""Figures as Prometheus reads them."""

import dataclasses
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from firki.obs.metrics import Metrics, create_metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_figure_shows_its_source_at_each_scrape(registry: CollectorRegistry) -> None:
    metrics = create_metrics(registry)
    report = {"frames": 3}
    metrics.frames_received_total.follow(lambda: report["frames"])
    assert registry.get_sample_value("frames_received_total") == 3
    report["frames"] = 5
    assert registry.get_sample_value("frames_received_total") == 5


def test_a_figure_with_a_label_shows_a_number_for_each(registry: CollectorRegistry) -> None:
    metrics = create_metrics(registry)
    metrics.ticks_refused_total.follow(lambda: {"yesterday": 2, "outside": 1})
    metrics.connection_age_seconds.follow(lambda: {"0": 0.25})
    text = generate_latest(registry).decode()
    assert 'ticks_refused_total{reason="yesterday"} 2.0' in text
    assert 'connection_age_seconds{connection="0"} 0.25' in text


def test_what_is_not_known_shows_no_sample(registry: CollectorRegistry) -> None:
    metrics = create_metrics(registry)
    metrics.data_age_seconds.follow(lambda: None)
    assert registry.get_sample_value("data_age_seconds") is None
    assert registry.get_sample_value("ticks_decoded_total") is None


def test_a_source_of_the_wrong_shape_is_refused(registry: CollectorRegistry) -> None:
    metrics = create_metrics(registry)
    metrics.uptime_seconds.follow(lambda: {"a": 1})
    with pytest.raises(TypeError, match="uptime_seconds"):
        generate_latest(registry)
    metrics.uptime_seconds.follow(lambda: 1)
    metrics.ticks_refused_total.follow(lambda: 1)
    with pytest.raises(TypeError, match="each reason"):
        generate_latest(registry)


def test_two_programs_in_one_process_do_not_share_figures() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    create_metrics(first).uptime_seconds.follow(lambda: 1)
    create_metrics(second).uptime_seconds.follow(lambda: 2)
    assert first.get_sample_value("uptime_seconds") == 1
    assert second.get_sample_value("uptime_seconds") == 2


def test_names_say_their_unit_and_every_figure_its_meaning(registry: CollectorRegistry) -> None:
    metrics = create_metrics(registry)
    helps = re.findall(r"# HELP (\w+) (.+)", generate_latest(registry).decode())
    assert {name for name, _ in helps} == {f.name for f in dataclasses.fields(Metrics)}
    units = r"(_total|_seconds|_bytes|_record|instruments|with_ticks)$"
    for name, meaning in helps:
        assert re.search(units, name)
        assert len(meaning) > 8
        assert getattr(metrics, name).name == name


def test_every_figure_has_its_place_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs/metrics.md").read_text()
    figures = {field.name for field in dataclasses.fields(Metrics)}
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) >= figures
