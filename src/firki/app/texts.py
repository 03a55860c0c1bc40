"""What the broker says in text frames: order updates, errors and notices, each to its place."""

import logging
from collections import deque
from typing import Any, Final

from firki.bus.memory import MemoryBus
from firki.errors import Corrupt
from firki.kite.wire import TextKind, decode_text
from firki.model.ist import ist_text
from firki.ports import Frame

log = logging.getLogger(__name__)

ORDERS: Final = ("orders",)
BROKER: Final = ("broker",)
_KEPT: Final = 20


class Texts:
    """Routes text frames over the bus: orders to ``ORDERS``, the rest to ``BROKER``."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        self._newest: deque[dict[str, str]] = deque(maxlen=_KEPT)
        self.corrupt = 0

    def take(self, frame: Frame) -> None:
        """One text frame, already in the journal; bytes that are no message are counted."""
        try:
            message = decode_text(frame.payload)
        except Corrupt as broken:
            self.corrupt += 1
            log.warning("text frame is no message record=%d reason=%s", frame.seq, broken)
            return
        if message.kind is TextKind.ORDER:
            self._bus.publish(ORDERS, message.order)
            return
        log.info("broker says kind=%s connection=%d text=%s", message.kind, frame.connection,
                 message.text)  # fmt: skip
        self._newest.append(
            {
                "time": ist_text(frame.received_ts),
                "kind": message.kind.value,
                "text": message.text,
            }
        )
        self._bus.publish(BROKER, message)

    def report(self) -> dict[str, Any]:
        """The newest messages, youngest last."""
        return {"messages": list(self._newest), "corrupt_texts": self.corrupt}
