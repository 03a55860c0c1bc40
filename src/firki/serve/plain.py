"""Plain pages for people, in the style of the web page: locked, link used, the list of routes."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

STYLE_PATH: Final = "/plain.css"
"""Open to everybody: who sees these pages may have no credential."""

_STYLE: Final = """\
:root { color-scheme: dark light; --ground: #eef0f3; --panel: #fff; --raised: #f4f6f8;
  --line: #d5dae0; --text: #1a2129; --dim: #5a6673; --accent: #1c5fd0; }
@media (prefers-color-scheme: dark) { :root { --ground: #0c0f13; --panel: #12161b;
  --raised: #1a2027; --line: #262d36; --text: #d9dfe7; --dim: #8a95a3; --accent: #74a9ff; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 0 16px; background: var(--ground); color: var(--text);
  font: 14px/1.45 "Inter", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "Noto Sans",
  "DejaVu Sans", sans-serif; }
main { max-width: 34em; margin: 18vh auto 24px; padding: 24px 28px; background: var(--panel);
  border: 1px solid var(--line); border-radius: 8px; }
main.wide { max-width: 60em; margin-top: 24px; overflow-x: auto; }
.brand { margin: 0 0 12px; font-weight: 700; letter-spacing: 0.04em; }
h1 { margin: 0 0 12px; font-size: 18px; }
p { margin: 0 0 10px; }
a { color: var(--accent); }
code { background: var(--raised); border-radius: 3px; padding: 1px 4px;
  overflow-wrap: break-word; }
main:not(.wide) code { white-space: nowrap; }
table { width: 100%; border-collapse: collapse; margin: 14px 0; font-size: 13px; }
td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child, td:last-child { color: var(--dim); }
"""


def plain_page(title: str, body: str, *, wide: bool = False) -> str:
    """A whole page around a heading and its paragraphs; ``body`` is HTML."""
    kind = ' class="wide"' if wide else ""
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{title} · firki</title>\n<link rel="stylesheet" href="{STYLE_PATH}">\n'
        f'<main{kind}>\n<p class="brand">firki</p>\n<h1>{title}</h1>\n{body}</main>\n'
    )


async def style(_request: Request) -> Response:
    """GET /plain.css."""
    headers = {"cache-control": "no-cache"}
    return Response(_STYLE, media_type="text/css", headers=headers)
