"""A firm whose processes somebody else keeps, and an observer in a directory of its own, as with a container engine."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select as select_rows

from bus.config import DEFAULT_PORTS
from bus.health import check
from ops.harness import Firm
from ops.monitoring import state
from ops.schema import OPERATION, bars, decisions, system_events
from tests.bus.wires import free_ports
from tests.conftest import ROOT

pytestmark = pytest.mark.integration

PATIENCE_S: Final = 30.0
WATCHFUL: Final[dict[str, Any]] = {"ping_s": 0.2, "hang_s": 4.0, "failed_after_s": 1.0, "report_cron": "* * * * *"}


@dataclass
class Observed:
    """A running firm, the directory of its observer, and the observer's process."""

    firm: Firm
    run_dir: Path
    process: subprocess.Popen[bytes]
    metrics_port: int

    def view(self) -> dict[str, Any]:
        return json.loads(self.boardroom("status", "--json")[1])  # type: ignore[no-any-return]

    def boardroom(self, *words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "cli", *words, "--run-dir", str(self.run_dir)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def score(self) -> float:
        view = state.load(self.run_dir)
        return -1.0 if view is None else view.score

    def rate(self, name: str) -> float | None:
        view = state.load(self.run_dir)
        return None if view is None else next(each.inputs_per_s for each in view.agents if each.name == name)

    def wait(self, condition: Callable[[], bool]) -> None:
        self.firm.wait(condition, PATIENCE_S, "what the observer should see")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """One firm for all tests of this file; whoever breaks something puts it right again."""
    ports = free_ports(len(DEFAULT_PORTS) + 1)
    overrides = {
        "market": {"bars": 2_000, "history_bars": 130, "speed": 50.0},
        "bus": {"transport": "tcp", "ports": dict(zip(DEFAULT_PORTS, ports, strict=False)), "message_ttl_s": 30.0},
        "ops": WATCHFUL | {"metrics_port": ports[-1]},
    }
    run_dir = tmp_path_factory.mktemp("observer") / "run"
    with Firm(ROOT / "configs", overrides) as firm:
        settings = firm.settings.elsewhere(run_dir, keys=firm.settings.keys)
        settings.save()
        command = [sys.executable, "-m", "ops", "--run-dir", str(run_dir)]
        with (run_dir.parent / "observer.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            one = Observed(firm, run_dir, process, ports[-1])
            one.wait(lambda: one.score() == 1.0)
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0, (run_dir.parent / "observer.log").read_text()


def test_it_sees_every_agent_and_says_what_it_cannot_do(observed: Observed) -> None:
    observed.wait(lambda: observed.rate("market") is not None)
    view = observed.view()
    assert (view["watcher"], view["watcher_pid"]) == ("observer", observed.process.pid)
    assert view["mode"]["transport"] == "tcp"
    assert {name: agent["health"] for name, agent in view["agents"].items()} == dict.fromkeys(
        observed.firm.supervisor.entries, "healthy"
    )
    market = view["agents"]["market"]
    assert market["memory_mb"] > 10
    assert market["fds"] > 3
    assert abs(market["clock_ahead_s"]) < 1.0
    assert check(observed.run_dir, "ops") == ""
    said = (observed.run_dir.parent / "observer.log").read_text()
    assert "the container engine owns the processes" in json.loads(said.splitlines()[0])["event"]


def test_operators_are_told_who_owns_the_processes(observed: Observed) -> None:
    status, said = observed.boardroom("stop", "qbmia", "--reason", "to see")
    assert status == 1
    assert "the container engine owns the processes" in said
    assert observed.firm.supervisor.pid("qbmia") is not None


def test_prometheus_can_read_it(observed: Observed) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{observed.metrics_port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = {(s.name, s.labels.get("agent", "")): s.value for family in families for s in family.samples}
    assert samples["boardroom_score", ""] == 1.0
    assert samples["boardroom_agent_up", "risk"] == 1.0
    assert samples["boardroom_agent_inputs_total", "market"] > 0
    assert samples["boardroom_agent_resident_memory_bytes", "market"] > 10 * 2**20


def test_a_report_tells_how_it_is(observed: Observed) -> None:
    status, said = observed.boardroom("report")
    assert status == 0
    assert "watched by its observer" in said
    report = json.loads(observed.boardroom("report", "--json")[1])
    assert report["scores"]["now"] == 1.0
    assert [agent["name"] for agent in report["firm"]["agents"]] == list(observed.firm.supervisor.entries)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_watch_shows_the_firm_and_leaves_the_terminal_as_it_was(observed: Observed, columns: int) -> None:
    text = watched(observed.run_dir, columns)
    assert "\x1b[?1049h" in text
    assert text.endswith("\x1b[?25h\x1b[?1049l")
    frames = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame) for frame in text.split("\x1b[H")]
    lines = [line.rstrip() for frame in frames for line in frame.removesuffix("^C").splitlines()]
    assert any(line.startswith("risk") and "healthy" in line for line in lines)
    assert any("score 100%   watched by its observer" in line for line in lines)
    assert max(map(len, lines)) <= columns
    assert "Traceback" not in text


def watched(run_dir: Path, columns: int) -> str:
    """Run the watch on a terminal of that width until it has shown the firm, then press Ctrl-C."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color"}
        os.chdir(ROOT)
        command = [sys.executable, "-m", "cli", "status", "--watch", "--run-dir", str(run_dir)]
        os.execv(sys.executable, command)
    said, is_asked = b"", False
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(terminal, 65_536)
        except OSError:
            break
        if not is_asked and said.count(b"firm in ") >= 2:
            is_asked = True
            os.write(terminal, b"\x03")
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0, said.decode()
    return said.decode()


def test_a_watch_in_a_pipe_is_a_line_a_second_and_ends_when_told(observed: Observed) -> None:
    command = [sys.executable, "-m", "cli", "status", "--watch", "--json", "--run-dir", str(observed.run_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert seen[1]["at_ns"] > seen[0]["at_ns"]
    assert seen[1]["agents"]["market"]["inputs"] >= seen[0]["agents"]["market"]["inputs"] > 0


def said_of_orders(observed: Observed) -> list[dict[str, Any]]:
    lines = []
    for name in ("pads", "compliance", "risk"):
        text = observed.firm.supervisor.run_dir.log(name).read_text()
        lines += [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if "order_id" in line]


def test_what_the_logs_say_of_orders_leads_to_the_ledger(observed: Observed) -> None:
    observed.wait(lambda: {"order proposed", "order cleared"} <= {line["event"] for line in said_of_orders(observed)})
    lines = said_of_orders(observed)
    ledger = observed.firm.ledger()

    def conversations() -> dict[str, str]:
        """Return which message began the conversation of each decision."""
        began = (bars.c.symbol == decisions.c.symbol) & (bars.c.bar == decisions.c.bar)
        query = select_rows(decisions.c.decision_id, bars.c.message_id).join_from(decisions, bars, began)
        return {row.decision_id: row.message_id for row in ledger.read(query)}

    of_rounds = [line for line in lines if line["decision_id"] in {each["decision_id"] for each in proposed(lines)}]
    assert {line["agent"] for line in of_rounds} >= {"pads", "compliance"}
    observed.wait(lambda: {line["decision_id"] for line in of_rounds} <= set(conversations()))
    found = conversations()
    ledger.engine.dispose()
    assert [line for line in of_rounds if line["correlation_id"] != found[line["decision_id"]]] == []


def proposed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["agent"] == "pads" and line["event"] == "order proposed"]


def test_a_gate_that_is_gone_halts_the_firm_and_all_of_it_is_recorded(observed: Observed) -> None:
    firm = observed.firm
    observed.wait(lambda: bool(said_of_orders(observed)))
    firm.kill("compliance")
    observed.wait(lambda: firm.report("execution").get("halt") != "none")
    assert observed.score() < 1.0
    view = observed.view()
    assert view["agents"]["compliance"]["health"] in ("recovering", "down")
    assert "compliance" in view["failed"]
    firm.restart("compliance")
    observed.wait(lambda: observed.score() == 1.0)
    assert observed.view()["agents"]["compliance"]["restarts"] == 1
    ledger = firm.ledger()

    def told() -> set[tuple[str, str]]:
        query = select_rows(system_events).where(system_events.c.kind == OPERATION)
        return {(json.loads(row.facts).get("event", ""), row.subject) for row in ledger.read(query)}

    wanted = {("failed", "compliance"), ("halting", "compliance"), ("halted", "risk"), ("healthy", "compliance")}
    observed.wait(lambda: wanted <= told())
    ledger.engine.dispose()
    said = json.loads(observed.boardroom("report", "--json")[1])
    assert said["scores"]["least"] < 1.0
    assert said["scores"]["worst"]
