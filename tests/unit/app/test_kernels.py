from pathlib import Path

from typer.testing import CliRunner

from firki.app.kernels import VARIABLE, are_compiled, place_cache
from firki.cli.root import app


def test_the_cache_is_named_after_the_sources_unless_the_user_names_it(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    placed = place_cache(environ)
    assert placed.parent == tmp_path / "firki"
    assert placed.name.startswith("kernels-")
    assert place_cache({VARIABLE: str(tmp_path / "own")}) == tmp_path / "own"


def test_a_cache_counts_once_something_is_in_it(tmp_path: Path) -> None:
    environ = {VARIABLE: str(tmp_path / "cache")}
    assert not are_compiled(environ)
    (tmp_path / "cache").mkdir()
    assert not are_compiled(environ)
    (tmp_path / "cache" / "wire.nbi").touch()
    assert are_compiled(environ)


def test_a_first_start_says_why_it_takes_longer(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": None, VARIABLE: str(cache)}
    first = CliRunner().invoke(app, ["up"], env=home)
    cache.mkdir(exist_ok=True)  # importing the kernels makes it, without anything in it
    (cache / "wire.nbi").touch()
    second = CliRunner().invoke(app, ["up"], env=home)
    assert "compiling, once" in first.output
    assert "compiling" not in second.output
