"""What a source of candles says of the past that it cannot tell."""

from firki.errors import Rejected
from firki.model.ist import ist_text


def within_a_day(as_of_ts: int) -> Rejected:
    """The refusal of a moment within a day: of a day only the newest is known."""
    day, time = ist_text(as_of_ts)[:16].split("T")
    return Rejected(
        f"as_of: what was known on {day} at {time} is not kept, only the newest of that day; name "
        f"the day alone for its end, or see that moment with `firki replay {day} --from {time}`"
    )
