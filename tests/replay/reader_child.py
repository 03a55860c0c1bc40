"""Somebody's notebook beside a running firki: ``firki.open()`` in a process of its own.

Argument: the data folder. Each line it is sent is a key and an interval with a tab between; it
answers with the candles as a line of JSON, and reads them anew each time.
"""

import json
import sys
from pathlib import Path

import firki


def main() -> None:
    market = firki.open(Path(sys.argv[1]))
    for line in sys.stdin:
        key, interval = line.rstrip("\n").split("\t")
        print(json.dumps(market.candles(key, interval).to_dicts()), flush=True)


if __name__ == "__main__":
    main()
