from tests.fakes.day import frames

from firki.capture.recent import OVERHEAD_BYTES, RecentRecords


def filled(count: int, *, limit: int, durable: int) -> RecentRecords:
    recent = RecentRecords(0, limit * (OVERHEAD_BYTES + 1))
    for frame in frames([b"x"] * count):
        recent.add(frame, durable)
    return recent


def numbers(recent: RecentRecords, from_seq: int, count: int = 100) -> list[int]:
    return [frame.seq for frame in recent.read(from_seq, count)]


def test_records_are_read_from_a_number_on_up_to_a_count() -> None:
    recent = filled(5, limit=5, durable=5)
    assert numbers(recent, 2) == [2, 3, 4, 5]
    assert numbers(recent, 2, 2) == [2, 3]
    assert numbers(recent, 6) == []
    assert recent.newest == 5
    assert recent.added_bytes == 5 * (OVERHEAD_BYTES + 1)


def test_past_the_limit_the_oldest_durable_ones_are_forgotten() -> None:
    recent = filled(5, limit=2, durable=5)
    assert numbers(recent, 3) == []
    assert numbers(recent, 4) == [4, 5]


def test_what_is_not_durable_is_kept_whatever_the_limit() -> None:
    recent = filled(5, limit=2, durable=1)
    assert numbers(recent, 1) == []
    assert numbers(recent, 2) == [2, 3, 4, 5]


async def test_the_arrival_of_a_record_is_told() -> None:
    recent = RecentRecords(6, 1000)
    arrived = recent.arrived.wait(7)
    recent.add(frames([b"x"], first=7)[0], 0)
    assert arrived.done()
