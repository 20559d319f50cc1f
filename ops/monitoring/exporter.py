"""The metrics of a firm for Prometheus: one exporter for all agents, which shows the latest view and measures nothing.

It answers from a thread of its own, so that whoever scrapes it can hold nobody up.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from ops.monitoring.monitor import Health
from ops.monitoring.view import AgentView, FirmView

_MB: Final = 1 << 20
_NS: Final = 1e9
Family = GaugeMetricFamily | CounterMetricFamily
Value = Callable[[AgentView], float | None]


class _Latest(Collector):
    """Turns the view at hand into metrics whenever it is asked."""

    def __init__(self) -> None:
        self.view: FirmView | None = None

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of the latest view; none before there is one."""
        view = self.view
        return () if view is None else metrics_of(view)


class Exporter:
    """Serves the latest view over HTTP."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._latest = _Latest()
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        self.registry.register(self._latest)

    @property
    def port(self) -> int:
        """Port on which it answers; 0 while it does not."""
        return 0 if self._server is None else self._server.server_port

    def serve(self, host: str, port: int) -> str:
        """Begin to answer; return why not, empty where it does."""
        try:
            self._server, self._thread = start_http_server(port, host, self.registry)
        except OSError as error:
            return (
                f"no metrics: {host}:{port}: {error.strerror or error}; stop what uses it, or change ops.metrics_port "
                f"or ops.metrics_host (metrics_port 0 is none)"
            )
        return ""

    def show(self, view: FirmView) -> None:
        """Answer with this view from now on."""
        self._latest.view = view

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None


def metrics_of(view: FirmView) -> Iterator[Metric]:
    """Return what a view says as metrics: base units, counters that end in _total, one label agent."""
    mode = InfoMetricFamily("boardroom_mode", "What the firm runs on.")
    mode.add_metric((), view.mode.model_dump())
    yield mode
    yield _gauge("boardroom_score", "Weighted share of the agents that are healthy, 0 to 1.", view.score)
    yield _gauge("boardroom_failed_share", "Weighted share of the agents that have failed, 0 to 1.", view.failed_share)
    yield _gauge("boardroom_emergency", "1 when so much has failed that the firm ends.", float(view.is_emergency))
    yield _gauge("boardroom_seen_timestamp_seconds", "When the firm was last looked at.", view.at_ns / _NS)
    if view.disk_free_mb is not None:
        free = view.disk_free_mb * _MB
        yield _gauge("boardroom_run_directory_free_bytes", "Space left where the run directory lies.", free)
    yield from _of_agents(view.agents)


def _of_agents(agents: tuple[AgentView, ...]) -> Iterator[Metric]:
    for name, meaning, value in _GAUGES:
        gauge = GaugeMetricFamily(f"boardroom_agent_{name}", meaning, labels=("agent",))
        yield _filled(gauge, agents, value)
    for name, meaning, value in _COUNTERS:
        counter = CounterMetricFamily(f"boardroom_agent_{name}", meaning, labels=("agent",))
        yield _filled(counter, agents, value)
    health = GaugeMetricFamily("boardroom_agent_health", "1 for the health it is in.", labels=("agent", "health"))
    trouble = CounterMetricFamily(
        "boardroom_agent_trouble", "Trouble by its kind, since its process began.", labels=("agent", "kind")
    )
    for agent in agents:
        for each in Health:
            health.add_metric((agent.name, each.value), float(agent.health is each))
        for kind, count in agent.trouble.items():
            trouble.add_metric((agent.name, kind), count)
    yield from (health, trouble)


_GAUGES: Final[tuple[tuple[str, str, Value], ...]] = (
    ("up", "1 when it is healthy.", lambda agent: float(agent.health is Health.HEALTHY)),
    ("inbox_messages", "Messages waiting in its inbox.", lambda agent: agent.inbox),
    ("incarnation", "How often it has begun in its life.", lambda agent: agent.incarnation or None),
    ("age_seconds", "Age of its process.", lambda agent: agent.age_s),
    ("answer_age_seconds", "Age of its last answer.", lambda agent: agent.answer_age_s),
    ("resident_memory_bytes", "Resident memory.", lambda agent: agent.memory_mb * _MB or None),
    ("cpu_ratio", "Share of one processor in use.", lambda agent: agent.cpu_percent / 100 if agent.fds else None),
    ("open_fds", "Open file descriptors.", lambda agent: agent.fds or None),
)
"""What is measured of each agent; what was not measured is left out instead of being shown as 0."""
_COUNTERS: Final[tuple[tuple[str, str, Value], ...]] = (
    ("inputs", "Inputs handled in its life.", lambda agent: agent.inputs),
    ("gaps", "Holes in the streams it hears, since its process began.", lambda agent: agent.gaps),
    ("drops", "Messages dropped, refused or lost, since its process began.", lambda agent: agent.drops),
    ("restarts", "Restarts by its watcher.", lambda agent: agent.restarts),
)


def _filled(metric: Family, agents: tuple[AgentView, ...], value: Value) -> Metric:
    for agent in agents:
        measured = value(agent)
        if measured is not None:
            metric.add_metric((agent.name,), measured)
    return metric


def _gauge(name: str, meaning: str, value: float) -> Metric:
    metric = GaugeMetricFamily(name, meaning)
    metric.add_metric((), value)
    return metric
