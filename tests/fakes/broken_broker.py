"""A broker whose instrument master is not what it should be."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def broken_broker(csv: bytes, *, promised: int | None = None) -> Iterator[str]:
    """Its address; it answers every GET with the CSV, of which it may have promised more bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(promised or len(csv)))
            self.end_headers()
            self.wfile.write(csv)
            self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (its name)
            """Nobody wants to read that."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
