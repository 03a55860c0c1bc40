"""Blocking work beside the loop that the end of the program does not wait for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def aside(work: Callable[[], Result]) -> Result:
    """What ``work`` gives or raises, done in a thread of its own.

    Unlike the threads of ``asyncio.to_thread`` it holds nobody up: a program that has ten seconds
    to stop in leaves it behind. So it is for work that may end anywhere and is begun again.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            _tell(loop, done, partial(done.set_exception, error))
        else:
            _tell(loop, done, partial(done.set_result, result))

    threading.Thread(target=run, daemon=True, name="aside").start()
    return await done


def _tell(
    loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Result]", tell: Callable[[], object]
) -> None:
    def unless_left() -> None:
        if not done.done():
            tell()

    with suppress(RuntimeError):  # the loop is gone: nobody waits any more
        loop.call_soon_threadsafe(unless_left)
