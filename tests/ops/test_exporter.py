"""What Prometheus reads, over a real port and with its own parser."""

import socket
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.monitoring.exporter import Exporter
from ops.monitoring.monitor import Health
from tests.ops.sights import AT_NS, agent_view, firm_view

VIEW = firm_view(
    agent_view(
        "pads", inputs=1_234, inbox=5, restarts=2, incarnation=3, age_s=60.0, answer_age_s=0.5, memory_mb=100.0,
        cpu_percent=50.0, fds=31, trouble={"gaps": 4, "dropped": 1, "lost": 2},
    ),
    agent_view("risk", Health.DOWN, restarts=3),
    score=0.5,
    failed=("risk",),
    failed_share=0.5,
    is_emergency=True,
)  # fmt: skip
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    made = Exporter()
    assert made.serve("127.0.0.1", 0) == ""
    yield made
    made.close()


def scraped(exporter: Exporter) -> tuple[Samples, dict[str, str]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    samples: Samples = {}
    kinds = {}
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        for sample in family.samples:
            samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return samples, kinds


def of(name: str, agent: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return f"boardroom_agent_{name}", tuple(sorted({"agent": agent, **labels}.items()))


def test_a_scrape_gives_the_latest_view_in_base_units(exporter: Exporter) -> None:
    exporter.show(VIEW)
    samples, kinds = scraped(exporter)
    assert samples["boardroom_score", ()] == 0.5
    assert samples["boardroom_failed_share", ()] == 0.5
    assert samples["boardroom_emergency", ()] == 1.0
    assert samples["boardroom_seen_timestamp_seconds", ()] == AT_NS / 1e9
    assert samples["boardroom_run_directory_free_bytes", ()] == 50_000 * 2**20
    expected = {
        "up": 1.0, "inputs_total": 1_234, "inbox_messages": 5, "gaps_total": 4, "drops_total": 3,
        "restarts_total": 2, "incarnation": 3, "age_seconds": 60.0, "answer_age_seconds": 0.5,
        "resident_memory_bytes": 100 * 2**20, "cpu_ratio": 0.5, "open_fds": 31,
    }  # fmt: skip
    assert {name: samples[of(name, "pads")] for name in expected} == expected
    assert samples[of("trouble_total", "pads", kind="lost")] == 2
    assert samples[of("up", "risk")] == 0.0
    assert samples[of("health", "risk", health="down")] == 1.0
    assert samples[of("health", "risk", health="healthy")] == 0.0
    assert kinds["boardroom_agent_inputs"] == "counter"
    assert kinds["boardroom_agent_inbox_messages"] == "gauge"


def test_what_was_not_measured_is_absent_and_not_0(exporter: Exporter) -> None:
    exporter.show(VIEW)
    samples, _ = scraped(exporter)
    for name in ("resident_memory_bytes", "age_seconds", "answer_age_seconds", "open_fds", "cpu_ratio", "incarnation"):
        assert of(name, "risk") not in samples


def test_a_new_view_replaces_the_old_and_before_the_first_there_is_nothing(exporter: Exporter) -> None:
    assert scraped(exporter) == ({}, {})
    exporter.show(VIEW)
    exporter.show(firm_view(score=1.0))
    samples, _ = scraped(exporter)
    assert samples["boardroom_score", ()] == 1.0
    assert of("up", "pads") not in samples


def test_the_mode_is_told_without_secrets(exporter: Exporter) -> None:
    exporter.show(VIEW)
    samples, _ = scraped(exporter)
    labels = next(dict(labels) for name, labels in samples if name == "boardroom_mode_info")
    assert labels == {"bus": "live", "transport": "ipc", "redis": "embedded", "data": "demo", "broker": "paper"}


def test_a_busy_port_is_one_line_that_says_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        complaint = Exporter().serve("127.0.0.1", port)
    assert complaint == (
        f"no metrics: 127.0.0.1:{port}: Address already in use; stop what uses it, or change ops.metrics_port or "
        "ops.metrics_host (metrics_port 0 is none)"
    )


def test_after_a_close_nobody_answers_and_the_port_is_free(exporter: Exporter) -> None:
    port = exporter.port
    exporter.close()
    assert exporter.port == 0
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
