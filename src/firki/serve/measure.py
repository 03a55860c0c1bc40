"""Counters of what was served, under the names that dashboards know."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class RequestMeter:
    """Requests by route, method and status, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "http_requests_total",
            "Requests answered",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Time from a request to the end of its answer",
            ["route"],
            buckets=(0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5),
            registry=registry,
        )
        # looking a child up by its labels costs more than counting with it
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._times: dict[str, Histogram] = {}

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note one answer; ``route`` is the template, "" where none was reached."""
        name = (route, method, status)
        counter = self._counters.get(name)
        if counter is None:
            # a client may invent methods, and each would stay in memory
            label = method if method in ("GET", "HEAD", "POST") else "other"
            counter = self._requests.labels(route or "none", label, str(status))
            if label == method:
                self._counters[name] = counter
        counter.inc()
        histogram = self._times.get(route)
        if histogram is None:
            histogram = self._times[route] = self._seconds.labels(route or "none")
        histogram.observe(seconds)


class StreamMeter:
    """Websocket subscribers: how many, what was sent, and what they could not take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connections = Gauge(
            "stream_connections", "Websocket clients connected", registry=registry
        )
        self.messages = Counter(
            "stream_messages_total", "Messages sent to clients", ["channel"], registry=registry
        )
        self.dropped = Counter(
            "subscriber_dropped_total",
            "Updates replaced by a newer one before their subscriber took them",
            ["channel"],
            registry=registry,
        )
        self.closed = Counter(
            "subscriber_closed_total",
            "Subscribers closed by firki",
            ["reason"],
            registry=registry,
        )
