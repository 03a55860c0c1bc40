"""The page's own tests, and its types."""

import pytest
from tests.page_scripts import run_script

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["check", "test"])
def test_script_of_the_page_passes(name: str) -> None:
    passed, words = run_script(name)
    assert passed, words
