import asyncio
import threading

from firki.capture.waiting import Waiting


def from_thread(waiting: Waiting, seq: int | None = None) -> None:
    thread = threading.Thread(target=waiting.reach_from_thread, args=(seq,))
    thread.start()
    thread.join()


async def test_reaching_a_number_wakes_those_who_wait_for_it_or_less() -> None:
    waiting = Waiting()
    early, late = waiting.wait(2), waiting.wait(3)
    waiting.reach(2)
    assert early.done()
    assert not late.done()
    assert waiting
    waiting.reach(3)
    assert late.done()
    assert not waiting


async def test_another_thread_wakes_a_task_of_the_loop() -> None:
    waiting = Waiting()
    first, second = waiting.wait(1), waiting.wait(2)
    from_thread(waiting, 1)
    await first
    assert not second.done()


async def test_without_a_number_everyone_is_woken() -> None:
    waiting = Waiting()
    futures = [waiting.wait(seq) for seq in (1, 1_000_000)]
    from_thread(waiting)
    await asyncio.gather(*futures)


async def test_one_who_no_longer_waits_is_left_alone() -> None:
    waiting = Waiting()
    gone = waiting.wait(1)
    gone.cancel()
    waiting.reach(1)
    assert gone.cancelled()


def test_a_closed_loop_has_nobody_to_wake() -> None:
    waiting = Waiting()

    async def wait() -> None:
        waiting.wait(1)

    asyncio.run(wait())
    waiting.reach_from_thread(1)
    assert not waiting
