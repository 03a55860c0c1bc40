"""A process that appends for ever and prints each newly acknowledged number; it ends by a fault.

python journal_child.py FOLDER [LARGEST_FILE_BYTES]
"""

import asyncio
import hashlib
import resource
import sys
from pathlib import Path
from typing import Final

from firki.capture.journal import JournalSettings, open_journal
from firki.errors import FirkiError

FAILED: Final = 3
BATCH: Final = 7


def payload(seq: int) -> bytes:
    """What record ``seq`` holds: some zstd can shorten, some it cannot."""
    return hashlib.sha256(b"%d" % seq).digest() * (1 + seq % 3)


async def append_for_ever(folder: Path) -> None:
    settings = JournalSettings(sync_seconds=0.002, segment_bytes=20_000)
    async with open_journal(folder, settings=settings) as journal:
        told = journal.acknowledged
        while True:
            for _ in range(BATCH):
                journal.append(1, 0, payload(journal.newest + 1))
            await asyncio.sleep(0.001)
            if journal.acknowledged > told:
                told = journal.acknowledged
                print(told, flush=True)


def main() -> int:
    if len(sys.argv) > 2:
        limit = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        asyncio.run(append_for_ever(Path(sys.argv[1])))
    except FirkiError as error:
        print(f"failed: {error}", flush=True)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
