"""Kernels keep their cache in a folder named after their sources, as the program has it."""

from firki.app.kernels import place_cache

place_cache()
