"""Fan-out inside one process: a message reaches every handler before ``publish`` returns."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firki.ports import Topic

log = logging.getLogger(__name__)

# a message is whatever the topic's publisher and its readers agree on, hence Any
Handler = Callable[[Any], None]


@dataclass(slots=True, eq=False)
class _Subscription:
    handler: Handler
    failures: int = 0


class MemoryBus:
    """A ``Bus`` without threads or queues: handlers are called in the order they came.

    A handler that raises keeps nobody else from the message; its failures are counted and its
    first one is logged. A handler may subscribe or unsubscribe, which holds from the next message.
    """

    def __init__(self) -> None:
        self._topics: dict[Topic, tuple[_Subscription, ...]] = {}
        self._published = 0
        self._failed = 0

    def publish(self, topic: Topic, message: Any) -> None:
        self._published += 1
        for subscription in self._topics.get(topic, ()):
            try:
                subscription.handler(message)
            except Exception:
                # the root of somebody else's work: the publisher must live on for the others
                self._fail(topic, subscription)

    def subscribe(self, topic: Topic, handler: Handler) -> Callable[[], None]:
        subscription = _Subscription(handler)
        # tuples, replaced whole: a publish under way keeps to the one it began with
        self._topics[topic] = (*self._topics.get(topic, ()), subscription)

        def unsubscribe() -> None:
            left = tuple(s for s in self._topics.get(topic, ()) if s is not subscription)
            if left:
                self._topics[topic] = left
            else:
                self._topics.pop(topic, None)

        return unsubscribe

    def report(self) -> dict[str, Any]:
        """Messages published, handlers standing, and calls of a handler that raised."""
        return {
            "published": self._published,
            "subscribers": sum(map(len, self._topics.values())),
            "handler_failures": self._failed,
        }

    def _fail(self, topic: Topic, subscription: _Subscription) -> None:
        self._failed += 1
        subscription.failures += 1
        if subscription.failures == 1:
            log.exception("bus handler failed topic=%s handler=%r", topic, subscription.handler)
