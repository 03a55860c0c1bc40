"""One TOML table of a calendar file: values read by key, everything wrong with them noted."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Final, TypeVar

from firki.model.session import PhaseKind, SessionClass, order_fault

MinutePhase = tuple[PhaseKind, int, int]
"""Kind, first minute of the day, minute after the last."""

Classes = frozenset[SessionClass]

_T = TypeVar("_T")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SECONDS: Final = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?")
_CLASS_NAMES: Final = ", ".join(SessionClass)
_KIND_NAMES: Final = ", ".join(PhaseKind)
_YEARS: Final = range(1990, 2100)


class Table:
    """Adds a line to ``errors`` for each fault, and for each key that nobody asked for."""

    def __init__(self, values: object, where: str, errors: list[str]) -> None:
        self._values: Mapping[str, object] = values if isinstance(values, dict) else {}
        self._where, self._errors = where, errors
        self._known: set[str] = set()
        self._children: list[Table] = []
        if not isinstance(values, dict):
            errors.append(f"{where}: expected a table, found {values!r}")

    def fault(self, key: str, text: str) -> None:
        self._errors.append(f"{self._where}: {key}: {text}")

    def has(self, key: str) -> bool:
        return key in self._values

    def finish(self) -> None:
        """Report the keys nobody asked for, here and below."""
        for child in self._children:
            child.finish()
        for key in sorted(self._values.keys() - self._known):
            self.fault(key, f"unknown key; expected {', '.join(sorted(self._known))}")

    def _get(self, key: str) -> object:
        self._known.add(key)
        return self._values.get(key)

    def mapping(self, key: str) -> Mapping[str, object]:
        value = self._get(key) or {}
        if isinstance(value, dict):
            return value
        self.fault(key, f"expected a table, found {value!r}")
        return {}

    def tables(self, key: str) -> Iterator["Table"]:
        value = self._get(key)
        if value is not None and not isinstance(value, list):
            self.fault(key, f"expected a list of tables ([[{key}]]), found {value!r}")
        for number, item in enumerate(value if isinstance(value, list) else [], 1):
            child = Table(item, f"{self._where}: {key} {number}", self._errors)
            self._children.append(child)
            yield child

    def text(self, key: str) -> str:
        value = self._get(key)
        if value is not None and not isinstance(value, str):
            self.fault(key, f"expected text, found {value!r}")
        return value if isinstance(value, str) else ""

    def note(self) -> str:
        """Name and note in one text; the source is for readers of the file."""
        parts = self.text("name"), self.text("note")
        self.text("source")
        return ": ".join(part for part in parts if part)

    def verified(self) -> bool:
        value = self._get("verified")
        if value is not None and not isinstance(value, bool):
            self.fault("verified", f"expected true or false, found {value!r}")
        if value is False and not self.note():
            self.fault("verified", "false needs a name or a note that says what is in doubt")
        return value is not False

    def one(
        self, key: str, read: Callable[[str, object], _T | None], *, optional: bool = False
    ) -> _T | None:
        value = self._get(key)
        if value is None:
            if not optional:
                self.fault(key, "missing")
            return None
        return read(key, value)

    def each(self, key: str, read: Callable[[str, object], _T | None]) -> list[_T]:
        value = self._get(key)
        if not isinstance(value, list) or not value:
            self.fault(key, f"expected a list that is not empty, found {value!r}")
            return []
        return [found for item in value if (found := read(key, item)) is not None]

    def classes(self) -> Classes:
        return frozenset(self.each("classes", self.session_class))

    def session_class(self, key: str, value: object) -> SessionClass | None:
        if isinstance(value, str) and value in list(SessionClass):
            return SessionClass(value)
        self.fault(key, f"expected {_CLASS_NAMES}; found {value!r}")
        return None

    def day(self, key: str, value: object) -> date | None:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self.fault(key, f"expected a date such as 2026-11-08 without quotes, found {value!r}")
        return None

    def year(self, key: str, value: object) -> int | None:
        if isinstance(value, int) and value in _YEARS:
            return value
        self.fault(key, f"expected a year such as 2027, found {value!r}")
        return None

    def minute(self, key: str, value: object) -> int | None:
        """Minutes since midnight of "HH:MM"."""
        text = str(value)
        if isinstance(value, str) and (found := _TIME.fullmatch(text)):
            return int(found[1]) * 60 + int(found[2])
        hint = "; phases begin at whole minutes" if _SECONDS.fullmatch(text) else ""
        self.fault(key, f'expected a time such as "09:15"{hint}; found {value!r}')
        return None

    def phases(self) -> tuple[MinutePhase, ...]:
        """The stretches that are not closed, in time order; empty when anything is wrong."""
        before = len(self._errors)
        steps = self.each("phases", self._step)
        if len(self._errors) > before:
            return ()
        times, kinds = [at for at, _ in steps], [kind for _, kind in steps]
        if times != sorted(set(times)):
            self.fault("phases", "each must begin after the one before it")
        elif kinds[-1] is not PhaseKind.CLOSED:
            self.fault("phases", f"the last must be closed, found {kinds[-1]}")
        elif fault := order_fault(kinds):
            self.fault("phases", fault)
        else:
            spans = zip(kinds, times, times[1:], strict=False)
            return tuple(span for span in spans if span[0] is not PhaseKind.CLOSED)
        return ()

    def _step(self, key: str, value: object) -> tuple[int, PhaseKind] | None:
        words = value.split() if isinstance(value, str) else []
        if len(words) != 2 or words[1] not in list(PhaseKind):
            self.fault(key, f'expected "HH:MM kind" with a kind of {_KIND_NAMES}; found {value!r}')
            return None
        at = self.minute(key, words[0])
        return None if at is None else (at, PhaseKind(words[1]))
