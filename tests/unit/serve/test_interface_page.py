"""The documents name every route, parameter and figure."""

from pathlib import Path

from tests.fakes.gateway import Market

from firki.serve.access import ACCESS
from firki.serve.app import create_app
from firki.serve.documents import CANDLE_PARAMETERS

PAGE = (Path(__file__).parents[3] / "docs/interface.md").read_text()


def headings() -> set[str]:
    return {line[4:] for line in PAGE.splitlines() if line.startswith("### ")}


def test_every_route_has_a_heading() -> None:
    routes = {f"{method} {path.replace(':path', '')}" for method, path in ACCESS}
    assert routes == {one for one in headings() if one.split(" ")[0].isupper()}


def test_every_parameter_of_candles_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in CANDLE_PARAMETERS)


def test_every_figure_of_the_web_server_has_a_heading(market: Market) -> None:
    create_app(market.parts())
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in market.registry.collect()
    }
    assert names <= headings()
    assert len(names) == 6
