"""How figures and tables look on a terminal: Indian grouping, aligned columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Sequence[str]]


def grouped(number: float, decimals: int = 0) -> str:
    """With lakhs and crores set off: 12,34,567.50."""
    whole, point, fraction = f"{abs(number):.{decimals}f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    text = ",".join([*reversed(pairs), tail])
    return f"{'-' if number < 0 else ''}{text}{point}{fraction}"


def table(head: Sequence[str], rows: Rows, *, left: Sequence[str] = ()) -> str:
    """Columns as wide as their widest cell, right-aligned but for those named in ``left``."""
    lines = [list(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    sides = ["<" if name in left else ">" for name in head]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Names with their values, the values one under the other."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def size(count: float) -> str:
    """Bytes in the unit that keeps them readable, powers of a thousand."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def dump(document: Mapping[str, Any]) -> str:
    """One JSON document."""
    return json.dumps(document, ensure_ascii=False, indent=2)
