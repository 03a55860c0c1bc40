"""How true the candles are: shares of exact bars by field and trade rate, beside the best possible.

python -m bench.fidelity [instruments] [minutes]
"""

import sys

from tests.best_sampling import FIELDS
from tests.synthetic_day import compare, morning


def main(instruments: int = 120, minutes: int = 60) -> None:
    """Print the table; 500 and 375 is the demo's whole market and day, and takes minutes."""
    print(f"{'trades':20} {'reader':18} {'names':>6} {'bars':>7}  " + "".join(
        f"{field:>8}" for field in FIELDS))  # fmt: skip
    for rate, shares in compare(morning(instruments, minutes)).items():
        for reader, share in (
            ("firki", shares.firki),
            ("without repair", shares.without_repair),
            ("best of two looks", shares.best),
        ):
            cells = "".join(f"{100 * share[field]:8.2f}" for field in FIELDS)
            print(f"{rate:20} {reader:18} {shares.names:6} {shares.bars:7}  {cells}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
