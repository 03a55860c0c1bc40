"""Work in a thread that nobody has to wait for."""

import asyncio
import subprocess
import sys
import threading

import pytest

from firki.app.aside import aside


async def test_what_the_work_gives_or_raises_is_what_is_waited_for() -> None:
    assert await aside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_work_that_nobody_waits_for_any_more_ends_without_a_word() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def work() -> None:
        may_end.wait(10)
        ended.set()

    waiting = asyncio.create_task(aside(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_end.set()
    assert await asyncio.to_thread(ended.wait, 10)
    await asyncio.sleep(0)


_LEFT_BEHIND = """
import asyncio, threading
from firki.app.aside import aside

async def main():
    waiting = asyncio.create_task(aside(threading.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()

asyncio.run(main())
print("over")
"""


def test_a_program_ends_while_such_work_is_under_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LEFT_BEHIND], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
