"""What the running program tells of itself: clean log lines and, in ``metrics``, figures."""

from firki.obs.logs import LineFormatter, guard_crashes, logging_to
from firki.obs.redaction import HIDDEN, Redactor
from firki.obs.repeating import Repeating

__all__ = ["HIDDEN", "LineFormatter", "Redactor", "Repeating", "guard_crashes", "logging_to"]
