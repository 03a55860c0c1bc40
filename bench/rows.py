"""A measurement beside its goal, and the table of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from firki.app.bench.figure import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with what it should come to: a value, or (``of_ratio``) times better than the peer.

    No goal: it is only told.
    """

    figure: Figure
    goal: float | None = None
    of_ratio: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met, None without one."""
        if self.goal is None:
            return None
        if self.of_ratio:
            return (self.figure.ratio or 0) >= self.goal
        if self.figure.less_is_better:
            return self.figure.value <= self.goal
        return self.figure.value >= self.goal


def line(row: Row) -> str:
    """One line of the table: what, firki, the peer, the ratio, the goal."""
    figure = row.figure
    ratio = "" if figure.ratio is None else f"{_number(figure.ratio)}x"
    peer = "" if figure.peer is None else _number(figure.peer)
    goal = "" if row.goal is None else _goal(row)
    text = (
        f"{figure.what:<71} {_number(figure.value):>12} {figure.unit:<10} "
        f"{peer:>12} {figure.beside:<22} {ratio:>8}  {goal}"
    )
    return text.rstrip()


HEAD = f"{'':<71} {'firki':>12} {'':<10} {'peer':>12} {'':<22} {'ratio':>8}  goal"


def _goal(row: Row) -> str:
    assert row.goal is not None
    mark = "met" if row.reached else "MISSED"
    unit = "x" if row.of_ratio else f" {row.figure.unit}"
    sign = "<=" if row.figure.less_is_better and not row.of_ratio else ">="
    return f"{sign} {_number(row.goal)}{unit} {mark}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def show(title: str, rows: Iterable[Row]) -> list[Row]:
    """Print rows as they come, and give them back."""
    print(f"{title}\n{HEAD}", flush=True)
    kept = []
    for row in rows:
        print(line(row), flush=True)
        kept.append(row)
    return kept
