"""The web page: files built into the package, held in memory."""

import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from firki.serve.plain import plain_page
from firki.serve.problem import Problem

FOLDER: Final = Path(__file__).parent / "page"

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
}
# the bundler puts a hash of the content into these names
_HASHED: Final = re.compile(r"assets/.+-[\w-]{8,}\.\w+")
_MISSING: Final = plain_page(
    "The page is not built",
    """<p>This copy of firki came without its web page. In a clone, build it with
<code>uv sync --reinstall-package firki</code> (or run <code>make demo</code>, which does so).
The programming interface works without it: see <a href="docs">/docs</a>.</p>
""",
)


class Page:
    """Serves the files of a folder as they were when it was made."""

    def __init__(self, folder: Path = FOLDER) -> None:
        # read once: nothing in a request can then reach any other file
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }

    async def read(self, request: Request) -> Response:
        name = request.path_params["path"] or "index.html"
        if not self._files and "." not in name.removesuffix(".html"):
            return HTMLResponse(_MISSING, status_code=503)
        content = self._files.get(name)
        if content is None:
            raise Problem(404, "not_found", f"no route and no file of the page: /{name[:200]}")
        return Response(
            content,
            media_type=_TYPES[Path(name).suffix],
            headers={"cache-control": _caching(name)},
        )


def _caching(name: str) -> str:
    if _HASHED.fullmatch(name):
        return "public, max-age=31536000, immutable"
    return "no-cache"
