"""Who goes next where only a few may go at once."""

import asyncio

from firki.app.newest_first import NewestFirst


class Visits:
    """Tasks that take a turn each and stay until they are let go."""

    def __init__(self, at_once: int) -> None:
        self.turns = NewestFirst(at_once)
        self.came: list[int] = []
        self.leave = {n: asyncio.Event() for n in range(9)}

    async def visit(self, number: int) -> None:
        async with self.turns:
            self.came.append(number)
            await self.leave[number].wait()

    async def begin(self, *numbers: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.visit(number)) for number in numbers]
        await self.settle()
        return tasks

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self.leave[number].set()
            await self.settle()


async def test_the_newest_of_those_that_wait_goes_first() -> None:
    visits = Visits(2)
    tasks = await visits.begin(0, 1, 2, 3, 4)
    assert visits.came == [0, 1]
    await visits.end(0, 4, 3, 2, 1)
    assert visits.came == [0, 1, 4, 3, 2]
    await asyncio.gather(*tasks)


async def test_who_gives_up_keeps_no_place() -> None:
    visits = Visits(1)
    tasks = await visits.begin(0, 1, 2)
    tasks[2].cancel()
    await visits.end(0)
    assert visits.came == [0, 1]
    tasks[1].cancel()
    await visits.settle()
    await visits.begin(3)
    assert visits.came == [0, 1, 3]
    await visits.end(3)


async def test_a_turn_that_comes_as_its_visitor_gives_up_goes_to_the_next() -> None:
    visits = Visits(1)
    tasks = await visits.begin(0, 1, 2)
    visits.leave[0].set()
    await asyncio.sleep(0)  # 2 was given the turn and has not run yet
    tasks[2].cancel()
    await visits.settle()
    assert visits.came == [0, 1]
    await visits.end(1)
