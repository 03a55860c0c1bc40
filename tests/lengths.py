"""How long the tests look. FIRKI_LONG=1, as ``make long`` sets it, makes their long forms."""

import os
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

LONG: Final = bool(os.environ.get("FIRKI_LONG"))
"""As many kills as promised, as many instruments as there are, many more examples of each law."""

_KEPT: Final = Path(__file__).parents[1] / ".hypothesis/examples"
EXAMPLES: Final = 100
TIMES: Final = 50
"""So many times the examples of a law are drawn in the long form."""


def use_profile() -> None:
    """Every run draws the same examples; a long one draws new ones and keeps those that fail.

    No law has a deadline and none is slow: how fast a shared machine is proves nothing.
    """
    settings.register_profile(
        "quick",
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile(
        "long",
        settings.get_profile("quick"),
        max_examples=EXAMPLES * TIMES,
        derandomize=False,
        database=DirectoryBasedExampleDatabase(_KEPT),
        print_blob=True,
    )
    settings.load_profile("long" if LONG else "quick")


def examples(quick: int) -> settings:
    """For a law that needs more examples than the others, or whose examples take long."""
    return settings(max_examples=quick * (TIMES if LONG else 1))
