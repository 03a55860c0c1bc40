from tests.unit.cli.conftest import Firki

import firki as package


def test_the_version_is_told_in_one_line(firki: Firki) -> None:
    ended = firki("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"firki {package.__version__}\n", "")


def test_an_unknown_command_is_a_wrong_argument(firki: Firki) -> None:
    assert firki("fetch-everything").code == 2
