"""The firm on a screen, as wide as it may be."""

import io

import pytest
from rich.console import Console

from cli.screen import FirmScreen
from ops.monitoring.monitor import Health
from ops.monitoring.view import FirmView
from tests.ops.sights import agent_view, firm_view

VIEW = firm_view(
    agent_view(
        "quantum_amos", state="ready", pid=1_234_567, age_s=200_000.0, inputs=123_456_789, inputs_per_s=12_345.6,
        inbox=10_000, incarnation=12, restarts=3, memory_mb=1_234.0, cpu_percent=100.0, fds=1_000,
        trouble={"gaps": 12, "dropped": 1_234}, report={"abstained": 5},
    ),
    agent_view("risk", Health.HUNG, why="it has not answered for 20.0 s", pid=5),
    agent_view("redis", age_s=5.0),
    agent_view("market", state="ready", pid=6, report={"published": 312, "total": 630}),
    agent_view("execution", state="ready", pid=6, report={"equity": "1003.5", "halt": "none"}),
    score=0.625,
)  # fmt: skip


def drawn(view: FirmView, width: int, *, is_terminal: bool = False, no_color: bool = False) -> str:
    file, term = io.StringIO(), {"TERM": "xterm-256color"}
    console = Console(width=width, file=file, force_terminal=is_terminal, no_color=no_color, _environ=term)
    console.print(FirmScreen(view))
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_nothing_is_wider_than_the_screen_and_no_cell_is_cut(width: int) -> None:
    lines = drawn(VIEW, width).splitlines()
    assert max(map(len, lines)) <= width
    row = next(line for line in lines if line.startswith("quantum_amos"))
    assert row.split()[:2] == ["quantum_amos", "healthy"]
    for cell in ("2d07h", "12,345.6", "10000", "12", "1234", "3"):
        assert cell in row.split()
    assert "…" not in "".join(lines)


def test_a_wider_screen_shows_more() -> None:
    heads = {width: next(line for line in drawn(VIEW, width).splitlines() if line.startswith("agent")).split()
             for width in (80, 120, 200)}  # fmt: skip
    assert heads[80] == ["agent", "health", "age", "inputs/s", "waiting", "gaps", "drops", "restarts"]
    assert heads[120][2:5] == ["state", "age", "inputs"]
    assert heads[200][-4:] == ["cpu", "%", "files", "tells"]


@pytest.mark.parametrize("width", [160, 200])
def test_an_agent_that_tells_much_takes_no_room_from_the_others(width: int) -> None:
    talker = agent_view("quantum_amos", state="ready", inputs=123_456, report={f"key{i}": i for i in range(60)})
    row = next(line for line in drawn(firm_view(talker), width).splitlines() if line.startswith("quantum_amos"))
    assert row.split()[:5] == ["quantum_amos", "healthy", "ready", "-", "123,456"]
    assert len(row) <= width
    assert row.rstrip().endswith("…")


def test_the_header_tells_score_watcher_mode_and_how_far_it_is() -> None:
    text = drawn(VIEW, 120)
    assert "score 62%   watched by its supervisor (pid 7)" in text
    assert "bus live ipc   redis embedded   data demo   broker paper" in text
    assert "bar 312 of 630   equity 1003.5   halt none" in text


def test_what_is_wrong_is_said_in_words() -> None:
    text = drawn(VIEW, 120)
    assert "risk: it has not answered for 20.0 s" in text
    assert "quantum_amos: 1,234 messages dropped by a full inbox" in text
    row = next(line for line in text.splitlines() if line.startswith("risk"))
    assert "no answer" in row


def test_an_emergency_and_a_firm_without_a_watcher_stand_out() -> None:
    view = VIEW.model_copy(update={"is_emergency": True, "failed": ("risk",), "failed_share": 0.4, "watcher": "nobody"})
    text = drawn(view, 80)
    assert "EMERGENCY: 40% has failed: risk" in text
    assert "watched by nobody: what ends stays down" in text


def test_colours_are_for_terminals_that_want_them() -> None:
    assert "\x1b[" not in drawn(VIEW, 80)
    assert "\x1b[" in drawn(VIEW, 80, is_terminal=True)
    assert "\x1b[3" not in drawn(VIEW, 80, is_terminal=True, no_color=True)
