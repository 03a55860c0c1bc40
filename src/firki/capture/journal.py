"""The truth of the day: every record numbered, on disk, and given to whoever follows.

The event loop appends; the journal's own thread compresses, writes and makes durable, once a
period. A record stays in memory until it is durable and for a while after, for followers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from firki.capture.committer import Committer
from firki.capture.journal_day import header_digest
from firki.capture.journal_disk import Disk, DiskError, SystemDisk, disk_errors
from firki.capture.journal_reader import JournalReader, read_records
from firki.capture.journal_recovery import recover
from firki.capture.journal_writer import JournalWriter
from firki.capture.recent import OVERHEAD_BYTES, RecentRecords
from firki.capture.segment import LARGEST_CONNECTION, LARGEST_PAYLOAD, LARGEST_TS
from firki.errors import Corrupt, FirkiError, Rejected
from firki.ports import Frame, RecordKind
from firki.timing import pause, steady

_FOLLOWED_AT_ONCE: Final = 256
"""A follower lets others run after this many records from memory."""

_NEVER: Final = LARGEST_TS
"""A number no record reaches."""

MIB: Final = 1 << 20


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a journal is kept.

    ``backlog_bytes``: when this much is not yet durable, append waits. ``memory_bytes``: durable
    records are kept up to this much, and a follower further behind reads from disk.
    """

    segment_bytes: int = 64 * MIB
    sync_seconds: float = 0.2
    backlog_bytes: int = 256 * MIB
    memory_bytes: int = 32 * MIB


def open_journal(
    folder: Path,
    *,
    settings: JournalSettings | None = None,
    on_failure: Callable[[FirkiError], None] | None = None,
    disk: Disk | None = None,
) -> "DayJournal":
    """Go on with the day's journal, whose folder ``create`` has made, after its last good record.

    ``on_failure`` is called once, in the journal's thread, when the disk has failed: hand it over
    to the loop (``call_soon_threadsafe``) and stop the process.
    """
    settings, disk = settings or JournalSettings(), disk or SystemDisk()
    day = header_digest(folder)
    with disk_errors("reading", folder):
        recovered = recover(folder, disk)
    writer = JournalWriter(
        disk,
        folder,
        day=day,
        number=recovered.next_segment,
        next_seq=recovered.newest + 1,
        segment_bytes=settings.segment_bytes,
    )
    recent = RecentRecords(recovered.newest, settings.memory_bytes)
    committer = Committer(
        writer,
        recent,
        period=settings.sync_seconds,
        on_failure=on_failure or _nobody_to_tell,
        name=f"journal {folder.name}",
    )
    committer.start()
    return DayJournal(folder, settings, writer, recent, committer, torn_bytes=recovered.torn_bytes)


class DayJournal:
    """A day's journal being written; leave it through ``async with`` or ``close``.

    ``append``, ``follow`` and ``flush`` belong to one event loop.
    """

    def __init__(
        self,
        folder: Path,
        settings: JournalSettings,
        writer: JournalWriter,
        recent: RecentRecords,
        committer: Committer,
        *,
        torn_bytes: int,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._writer = writer
        self._recent = recent
        self._committer = committer
        self._torn_bytes = torn_bytes
        self._is_closing = False
        self._waits = 0
        self._waited_seconds = 0.0

    @property
    def acknowledged(self) -> int:
        """The newest number whose fsync has returned."""
        return self._committer.acknowledged

    @property
    def newest(self) -> int:
        """The newest number given out."""
        return self._recent.newest

    def append(
        self,
        received_ts: int,
        connection: int,
        payload: bytes,
        kind: RecordKind = RecordKind.FRAME,
    ) -> Frame:
        """Number the record and hand it to the journal's thread; raises when the disk failed.

        Nothing is ever dropped: when too much is not yet durable, this call waits, and the wait is
        counted.
        """
        recent, committer = self._recent, self._committer
        size = len(payload) + OVERHEAD_BYTES
        if not (
            len(payload) <= LARGEST_PAYLOAD
            and 0 <= connection <= LARGEST_CONNECTION
            and 0 <= received_ts <= LARGEST_TS
        ):
            raise _out_of_bounds(received_ts, connection, payload)
        if recent.added_bytes - committer.durable_bytes + size > self._settings.backlog_bytes:
            self._wait_for_room(size)
        if self._is_closing or committer.has_ended:
            raise self._refusal()
        if recent.newest == committer.acknowledged:
            committer.note_arrival()
        frame = Frame(recent.newest + 1, received_ts, connection, payload, kind)
        recent.add(frame, committer.acknowledged)
        return frame

    def read(self, from_seq: int = 1) -> Iterator[Frame]:
        """Records from ``from_seq`` up to the newest acknowledged one, from disk."""
        for frame in read_records(self._folder, from_seq):
            if frame.seq > self.acknowledged:
                return
            yield frame

    async def follow(self, from_seq: int) -> AsyncIterator[Frame]:
        """Every record from ``from_seq``, past and then live, no gap and no overlap.

        Live records come from memory, before they are durable. A follower that falls behind what
        memory holds goes on from disk and catches up: nobody waits for it and it misses nothing.
        Ends when the journal is closed; raises when the disk failed.
        """
        if from_seq < 1:
            raise Rejected(f"records are numbered from 1 and {from_seq} was asked for")
        seq = from_seq
        reader: JournalReader | None = None
        while await self._arrives(seq):
            frames = self._recent.read(seq, _FOLLOWED_AT_ONCE)
            if frames:
                reader = None
            else:
                reader = reader or JournalReader(self._folder, seq)
                frames = await asyncio.to_thread(reader.read)
            if not frames:
                raise Corrupt(f"record {seq} was stored in {self._folder} and is no longer there")
            for frame in frames:
                yield frame
            seq = frames[-1].seq + 1
            if len(frames) == _FOLLOWED_AT_ONCE:
                await pause(0)

    async def flush(self) -> None:
        """Wait until everything appended so far is acknowledged; raises when the disk failed."""
        committer, seq = self._committer, self.newest
        synced = committer.synced.wait(seq)
        committer.hurry()
        if self.acknowledged < seq and not committer.has_ended:
            await synced
        if self.acknowledged < seq:
            raise self._refusal()

    async def close(self) -> None:
        """Take no more, make everything durable, end the segment; raises when the disk failed."""
        committer = self._committer
        self._is_closing = True
        ended = committer.synced.wait(_NEVER)
        committer.finish()
        if not committer.has_ended:
            await ended
        committer.join()
        if committer.failure is not None:
            raise self._refusal()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except DiskError:
            if error is None:
                raise

    def report(self) -> dict[str, Any]:  # Any: the port's open set of figures
        """Where the journal stands; bytes are those of this run, ages and waits in steady time."""
        committer, writer = self._committer, self._writer
        return {
            "newest": self.newest,
            "acknowledged": self.acknowledged,
            "backlog_bytes": committer.backlog_bytes,
            "oldest_unacknowledged_seconds": committer.oldest_seconds,
            "fsync_milliseconds": writer.sync_seconds * 1e3,
            "slowest_fsync_milliseconds": committer.slowest_sync_seconds * 1e3,
            "segment": writer.number,
            "raw_bytes": writer.raw_bytes,
            "stored_bytes": writer.stored_bytes,
            "torn_bytes": self._torn_bytes,
            "append_waits": self._waits,
            "append_waited_seconds": self._waited_seconds,
            "failure": committer.failure,
        }

    async def _arrives(self, seq: int) -> bool:
        """Wait until the record is there; False when the journal was closed before."""
        while seq > self.newest:
            arrived = self._recent.arrived.wait(seq)
            if self._committer.has_ended:
                if self._committer.failure is not None:
                    raise self._refusal()
                return False
            await arrived
        return True

    def _wait_for_room(self, size: int) -> None:
        began = steady()
        self._waits += 1
        self._committer.wait_for_room(size, self._settings.backlog_bytes)
        self._waited_seconds += steady() - began

    def _refusal(self) -> FirkiError:
        failure = self._committer.failure
        return DiskError(failure) if failure else Rejected(f"journal {self._folder} is closed")


def _out_of_bounds(received_ts: int, connection: int, payload: bytes) -> Rejected:
    return Rejected(
        f"a record of {len(payload)} bytes on connection {connection} at {received_ts} does not "
        f"fit the journal: at most {LARGEST_PAYLOAD} bytes, connection and time not negative"
    )


def _nobody_to_tell(failure: FirkiError) -> None:
    """The next append, flush or close raises it."""
