"""Before any test: where the kernels keep their cache, and how many examples hypothesis draws.

The cache is a folder named after the kernels' sources, as the program has it.
"""

from tests.lengths import use_profile

from firki.app.kernels import place_cache

place_cache()
use_profile()
