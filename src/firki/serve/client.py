"""One websocket client: what it wishes, what it is told, and when it is let go."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.types import Receive, Send

from firki.serve.feeds import Feed
from firki.serve.measure import StreamMeter
from firki.serve.parts import ServeSettings
from firki.serve.wish import Name, Opener, Wish
from firki.timing import pause, steady

POLICY: Final = 1008
TRY_LATER: Final = 1013

_STEP_SECONDS: Final = 0.05
_MOST_REPLIES: Final = 64
_MOST_WISHES: Final = 200
"""In a second."""


class Ended(Exception):
    """The client is gone (code 0), or is to be let go."""

    def __init__(self, code: int = 0, reason: str = "", word: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason, self.word = code, reason, word


@dataclass(frozen=True, slots=True)
class Codec:
    """How messages are written: as text for JSON, as bytes for msgpack."""

    encode: Callable[[Any], bytes]
    binary: bool

    def frame(self, message: Any) -> dict[str, Any]:
        """The ASGI event that sends ``message``."""
        content = self.encode(message)
        if self.binary:
            return {"type": "websocket.send", "bytes": content}
        return {"type": "websocket.send", "text": content.decode()}


JSON: Final = Codec(msgspec.json.Encoder().encode, binary=False)
MSGPACK: Final = Codec(msgspec.msgpack.Encoder().encode, binary=True)


@dataclass(slots=True)
class _Subscription:
    name: Name
    channel: str
    feed: Feed
    first: dict[str, Any]
    """What only the first message says beside its data."""
    due: float
    seq: int = 0
    missed: int = 0


@dataclass(slots=True, kw_only=True)
class Client:
    """Reads wishes, samples feeds at their pace, and writes when the socket takes it."""

    receive: Receive
    send: Send
    codec: Codec
    opener: Opener
    settings: ServeSettings
    meter: StreamMeter
    stamp: Callable[[], str]
    """The ``as_of`` of a message made now."""
    welcome: Callable[[], bool]
    """Whether the session the client came with still stands."""
    _subscriptions: dict[Name, _Subscription] = field(default_factory=dict, init=False)
    _replies: asyncio.Queue[dict[str, Any]] = field(init=False)
    _ready: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _wishes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._replies = asyncio.Queue(_MOST_REPLIES)

    async def run(self) -> Ended:
        """Serve until the client goes or must go; the answer says which, and why."""
        ended = Ended()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read())
                group.create_task(self._sample())
                group.create_task(self._write())
        except* Ended as group_ended:
            ended = _first(group_ended)
        except* OSError:
            pass  # the socket is gone, which is how uvicorn says so
        finally:
            for subscription in self._subscriptions.values():
                subscription.feed.stop()
        return ended

    async def _read(self) -> None:
        while True:
            message = await self.receive()
            if message["type"] == "websocket.disconnect":
                raise Ended
            self._wishes += 1
            if self._wishes > _MOST_WISHES:
                raise Ended(POLICY, f"more than {_MOST_WISHES} messages a second", "flood")
            # waits while the client does not read its replies, and so stops reading from it
            await self._replies.put(self._hear(message))
            self._ready.set()

    def _hear(self, message: Any) -> dict[str, Any]:
        """Do what a message asks; the answer is what is replied, empty for nothing."""
        try:
            text = message.get("text")
            wish = (
                msgspec.json.decode(text, type=Wish)
                if text is not None
                else msgspec.msgpack.decode(message["bytes"], type=Wish)
            )
        except (msgspec.DecodeError, UnicodeError) as wrong:
            return {"error": f"message not understood: {wrong}"}
        try:
            return self._obey(wish)
        except ValueError as wrong:
            return {"id": wish.id, "error": str(wrong)}

    def _obey(self, wish: Wish) -> dict[str, Any]:
        if wish.op == "ping":
            return {"id": wish.id, "pong": True, "as_of": self.stamp()}
        if wish.op == "unsubscribe":
            subscription = self._subscriptions.pop(wish.id, None)
            if subscription is None:
                raise ValueError("unsubscribe: expected the id of a subscription that stands")
            subscription.feed.stop()
            return {"id": wish.id, "ended": True, "as_of": self.stamp()}
        self._subscribe(wish)
        return {}

    def _subscribe(self, wish: Wish) -> None:
        if wish.id in self._subscriptions:
            raise ValueError("subscribe: expected an id that is not in use")
        most = self.settings.max_subscriptions
        if len(self._subscriptions) >= most:
            raise ValueError(f"subscribe: expected at most {most} subscriptions a connection")
        opened = self.opener.open(wish)
        first = {"unknown": opened.unknown} if opened.unknown else {}
        self._subscriptions[wish.id] = _Subscription(
            wish.id, opened.channel, opened.feed, first, steady()
        )

    async def _sample(self) -> None:
        second = steady()
        while True:
            now = steady()
            for subscription in list(self._subscriptions.values()):
                if now >= subscription.due:
                    await subscription.feed.sample()
                    # late by a whole turn: go on from now, never catch up in a burst
                    subscription.due = max(subscription.due + subscription.feed.every, now)
                    self._look_after(subscription)
                    self._ready.set()
            if now >= second:
                second, self._wishes = now + 1.0, 0
                if not self.welcome():
                    raise Ended(POLICY, "the session has ended", "session")
            await pause(_STEP_SECONDS)

    def _look_after(self, subscription: _Subscription) -> None:
        missed = subscription.feed.missed()
        if missed:
            subscription.missed += missed
            self.meter.dropped.labels(subscription.channel).inc(missed)
        if subscription.feed.behind > self.settings.max_pending:
            raise Ended(
                TRY_LATER,
                f"{subscription.channel} {subscription.name}: {subscription.feed.behind} rows "
                "behind; read faster or subscribe to less",
                "slow",
            )

    async def _write(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while not self._replies.empty():
                if reply := self._replies.get_nowait():
                    await self.send(self.codec.frame(reply))
            for subscription in list(self._subscriptions.values()):
                data = subscription.feed.take()
                if data is not None:
                    await self._tell(subscription, data)

    async def _tell(self, subscription: _Subscription, data: Any) -> None:
        subscription.seq += 1
        message = {
            "id": subscription.name,
            "seq": subscription.seq,
            "as_of": self.stamp(),
            "data": data,
            **subscription.first,
        }
        if subscription.missed:
            message["conflated"], subscription.missed = subscription.missed, 0
        subscription.first = {}
        self.meter.messages.labels(subscription.channel).inc()
        await self.send(self.codec.frame(message))


def _first(ended: BaseExceptionGroup[Ended]) -> Ended:
    """One reason of several: where the client must go, that."""
    reasons = [one for one in ended.exceptions if isinstance(one, Ended)]
    return max(reasons, key=lambda one: one.code, default=Ended())
