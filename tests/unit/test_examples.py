"""The examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path
from typing import Final

import pytest

_SOURCES: Final = Path(__file__).parents[2] / "src"
_EXAMPLE: Final = ">>> "


def modules() -> list[str]:
    """Names of the modules that show an example."""
    paths = sorted(_SOURCES.rglob("*.py"))
    parts = [path.relative_to(_SOURCES).with_suffix("").parts for path in paths
             if _EXAMPLE in path.read_text()]  # fmt: skip
    return [".".join(part for part in names if part != "__init__") for names in parts]


@pytest.mark.parametrize("name", modules())
def test_every_example_gives_what_it_says(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_looked_for_where_they_are() -> None:
    assert {"firki", "firki.timing", "firki.model.ist"} <= set(modules())
