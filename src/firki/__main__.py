"""``python -m firki``."""

from firki.cli import main

main()
