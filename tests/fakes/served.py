"""A gateway that answers on loopback, as the running firki of a data folder."""

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from firki.app.folder import DataFolder
from firki.serve.host import serve
from firki.serve.listening import listen


@contextmanager
def served(app: ASGIApp, folder: DataFolder) -> Iterator[str]:
    """Its address, which the folder tells too; it stops when the block ends."""
    loop = asyncio.new_event_loop()
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    folder.status.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    task = loop.create_task(serve(app, sock))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    yield url
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    loop.close()
    sock.close()
    folder.status.unlink()
