"""A queue for what only a few may use at once, in which the newest goes first."""

import asyncio
from types import TracebackType


class NewestFirst:
    """So many at once. Of those that wait the newest goes first: somebody looks at it now, while
    the older ones may have been left. Who gives up waiting keeps no place."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:  # its turn had come in the same moment
                self._pass_on()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.pop().set_result(None)
        else:
            self._free += 1
