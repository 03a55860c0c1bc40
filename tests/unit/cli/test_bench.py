"""``firki bench`` as a person or a script calls it."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Firki


@pytest.mark.slow
def test_every_figure_is_told_with_its_ratio(firki: Firki, tmp_path: Path) -> None:
    data = tmp_path / "disk"
    data.mkdir()
    code, out, _ = firki("bench", "--quick", "--json", data=data)
    figures = {figure["what"]: figure for figure in json.loads(out)["figures"]}
    assert code == 0
    assert len(figures) == 13
    assert all(figure["value"] > 0 for figure in figures.values())
    # far below what was measured (129 and 29), so that no load makes this fail
    assert figures["decode, 1000 packets a frame"]["ratio"] > 10
    assert figures["frame to grid, 2000 instruments, 1000 packets a frame"]["ratio"] > 3
    assert list(data.iterdir()) == []
