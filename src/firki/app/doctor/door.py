"""The port firki serves on: free, or firki's own already."""

from firki.app.doctor.finding import Finding, failure, ok
from firki.app.folder import DataFolder
from firki.app.running import find
from firki.config import Serve
from firki.errors import ConfigError, FirkiError
from firki.serve.listening import listen


def check_port(settings: Serve, folder: DataFolder) -> Finding:
    """Whether `firki up` could listen, or already does."""
    try:
        listen(settings.host, settings.port, public_url=settings.public_url).close()
    except ConfigError as error:
        try:
            running = find(folder)
        except FirkiError:
            running = None
        if running is not None and running.port == settings.port:
            return ok("port", f"{settings.port} is held by firki itself, process {running.pid}")
        return failure("port", str(error), "end what listens there, or set serve.port")
    port = settings.port or "any"
    return ok("port", f"{port} on {settings.host} is free")
