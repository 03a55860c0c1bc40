"""The firki that runs on a data folder: where it is, whether it is, and what it answers."""

import fcntl
import os
from collections.abc import Sequence
from typing import Any, Final

import httpx2
import msgspec

from firki.app.folder import DataFolder
from firki.config.tree import is_loopback
from firki.errors import Corrupt, FirkiError, Rejected, Unavailable
from firki.serve.auth import read_key

_TIMEOUT_SECONDS: Final = 5.0
_NO_CREDENTIAL: Final = 401
_LATER: Final = frozenset({429, 503})


class _Problem(msgspec.Struct):
    """What firki says of a refused request."""

    detail: str


class Running(msgspec.Struct, frozen=True):
    """What a firki leaves in its data folder when it is up."""

    url: str
    pid: int

    @property
    def port(self) -> int | None:
        return httpx2.URL(self.url).port

    def is_alive(self) -> bool:
        """Whether there is still a process of that number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def find(folder: DataFolder) -> Running:
    """The firki that was started last; raises Unavailable when it no longer runs."""
    try:
        running = msgspec.json.decode(folder.status.read_bytes(), type=Running)
    except FileNotFoundError:
        raise Unavailable(
            f"no firki runs on data folder {folder.root}; start `firki up`, or `firki demo` if the "
            "folder is the demo's"
        ) from None
    except (msgspec.DecodeError, UnicodeError) as wrong:
        raise Corrupt(
            f"{folder.status}: expected the url and pid of the running firki: {wrong}; it is "
            "written anew when firki starts"
        ) from wrong
    if running.pid < 1 or not is_loopback(httpx2.URL(running.url).host):
        raise Corrupt(f"{folder.status}: expected a url on this machine and a process number")
    if not running.is_alive():
        raise Unavailable(
            f"firki does not run: process {running.pid}, which was the last one on data folder "
            f"{folder.root}, is gone; start `firki up`, it goes on with what is on disk"
        )
    return running


async def ask(
    folder: DataFolder,
    path: str,
    *,
    params: Sequence[tuple[str, str]] = (),
    body: object = None,
) -> Any:
    """What the running firki answers, by POST where there is a ``body``; Any: JSON of any shape.

    Raises Unavailable when there is no answer now, Rejected when it refuses.
    """
    running = find(folder)
    headers = {"Authorization": f"Bearer {read_key(folder.keys)}"}
    route = f"{running.url}{path}"
    try:
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, trust_env=False, verify=False, headers=headers
        ) as client:
            if body is None:
                answer = await client.get(route, params=list(params))
            else:
                answer = await client.post(route, content=msgspec.json.encode(body))
    except httpx2.HTTPError as error:
        raise Unavailable(
            f"firki (process {running.pid}) does not answer at {route} ({type(error).__name__}); "
            "it may be starting or stopping, or another program has that process number now"
        ) from None
    if answer.status_code != 200:
        raise _refusal(route, answer, folder)
    return msgspec.json.decode(answer.content)


async def ask_status(folder: DataFolder) -> dict[str, Any]:
    """The status document of the running firki."""
    document: dict[str, Any] = await ask(folder, "/api/status")
    return document


async def ask_link(folder: DataFolder, public_url: str = "") -> str:
    """A new one-time link to the page of the running firki; raises as ``ask``."""
    told: dict[str, Any] = await ask(folder, "/api/links", body={})
    return f"{(public_url or find(folder).url).rstrip('/')}{told['path']}"


def _refusal(route: str, answer: httpx2.Response, folder: DataFolder) -> FirkiError:
    """Why the route did not answer; only firki itself gives a problem with its detail."""
    try:
        detail = msgspec.json.decode(answer.content, type=_Problem).detail
    except msgspec.DecodeError:
        detail = ""
    if answer.status_code in _LATER:
        return Unavailable(f"{route}: {detail or f'found HTTP {answer.status_code}'}")
    if detail and answer.status_code != _NO_CREDENTIAL:
        return Rejected(f"{route}: {detail}")
    return Rejected(
        f"{route}: expected an answer, found HTTP {answer.status_code}; does another firki answer "
        f"there, with other keys than those in {folder.keys}?"
    )


def holder(folder: DataFolder) -> str | None:
    """Who captures into the folder now, None when nobody does.

    The lock is tried for a moment: a firki that starts at that very instant is refused and says so.
    """
    try:
        descriptor = os.open(folder.root / "capture.lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another firki"
    finally:
        os.close(descriptor)
    return None
