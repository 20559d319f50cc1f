"""The firm that `docker compose up` brings up: it decides, mends itself, keeps what it heard, and lets nobody in.

Tests come in any order and share one firm; each leaves it healthy.
"""

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.compose.engine import (
    AGENTS,
    PATIENCE_S,
    Project,
    can_kill,
    decided,
    decisions,
    eventually,
    one_line,
    wait_healthy,
)

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

_DOWN_S = 15.0
_RECORDED = """
import json
from pathlib import Path
from bus.config import Settings
from bus.codec import decode
from bus.journal import RecordType, read
from bus.messages import DecisionMade, MarketUpdate
from bus.record import unpack_output
from bus.rundir import RunDir
from research.replay import decisions
settings = Settings.open(Path("/firm"))
made = [each.message.decision_id for each in decisions(settings)]
outputs = (r.payload for r in read(RunDir(settings.run_dir).journal("market")) if r.type is RecordType.OUTPUT)
sent = (decode(unpack_output(payload)[1]).message for payload in outputs)
shown = [f"{bar.symbol}-{bar.bar}" for bar in sent if isinstance(bar, MarketUpdate)]
print(json.dumps({"made": made, "shown": shown}))
"""


def wait_for_decisions(firm: Project, more: int = 4) -> None:
    before = decided(firm)
    eventually(lambda: decided(firm) >= before + more, f"{more} more decisions in the ledger")


def test_everything_is_healthy_and_rounds_are_decided(firm: Project) -> None:
    wait_healthy(firm)
    wait_for_decisions(firm)
    assert firm.container("prepare")["State"]["ExitCode"] == 0


@pytest.mark.parametrize("service", ["pads", "risk", "redis"])
def test_a_killed_service_comes_back_and_the_firm_goes_on_deciding(firm: Project, service: str) -> None:
    if not can_kill(firm):
        pytest.skip("killing a process of a container from outside takes root on the machine of the engine")
    wait_healthy(firm)
    wait_for_decisions(firm, 1)
    restarts = firm.container(service)["RestartCount"]
    firm.kill(service)
    eventually(lambda: firm.container(service)["RestartCount"] > restarts, f"a restart of {service}")
    wait_healthy(firm)
    wait_for_decisions(firm)
    check_nothing_is_lost_or_doubled(firm)


def test_a_service_that_hangs_is_killed_by_its_own_check_and_comes_back(firm: Project) -> None:
    if not can_kill(firm):
        pytest.skip("stopping a process of a container from outside takes root on the machine of the engine")
    wait_healthy(firm)
    restarts = firm.container("quasar")["RestartCount"]
    firm.signal("quasar", signal.SIGSTOP)
    eventually(lambda: firm.container("quasar")["RestartCount"] > restarts, "a restart of quasar")
    wait_healthy(firm)
    wait_for_decisions(firm)
    check_nothing_is_lost_or_doubled(firm)


def test_all_killed_at_once_go_on_from_their_journals(firm: Project) -> None:
    wait_healthy(firm)
    before = decided(firm)
    firm.done("kill")
    firm.up()
    wait_healthy(firm)
    assert decided(firm) >= before
    wait_for_decisions(firm)
    check_nothing_is_lost_or_doubled(firm)


def test_down_takes_less_than_fifteen_seconds_and_up_goes_on(firm: Project) -> None:
    wait_healthy(firm)
    before = decided(firm)
    begin = time.monotonic()
    firm.done("down")
    took_s = time.monotonic() - begin
    assert took_s < _DOWN_S, f"down took {took_s:.1f} s"
    firm.up()
    assert decided(firm) >= before
    wait_for_decisions(firm)
    check_nothing_is_lost_or_doubled(firm)


def check_nothing_is_lost_or_doubled(firm: Project) -> None:
    """Compare what PADS decided with what the market showed, and the ledger with that.

    The market goes on at its own pace, so bars that PADS was not there for are not decided; none is decided twice.
    """
    recorded = json.loads(firm.inside("ops", "python", "-c", _RECORDED))
    made = Counter(recorded["made"])
    assert [key for key, count in made.items() if count > 1] == []
    assert set(made) <= set(recorded["shown"])
    eventually(
        lambda: set(made) <= set(decisions(firm)), f"the ledger to hold the {len(made)} decisions that were made"
    )


def test_an_operator_asks_in_ops(firm: Project) -> None:
    wait_healthy(firm)
    wait_for_decisions(firm, 1)
    status = json.loads(firm.inside("ops", "boardroom", "status", "--json"))
    assert {name for name in AGENTS if name in json.dumps(status)} == set(AGENTS)
    chain = json.loads(firm.inside("ops", "boardroom", "verify", "--json"))
    assert chain["whole"]
    assert set(chain["journals"]) == set(AGENTS)
    last = json.loads(firm.inside("ops", "python", "-c", _RECORDED))["made"][0]
    assert last in firm.inside("ops", "boardroom", "why", last)


def test_a_firm_halts_and_resumes_at_an_operators_word(firm: Project) -> None:
    wait_healthy(firm)
    wait_for_decisions(firm, 1)
    halted = json.loads(firm.inside("ops", "boardroom", "halt", "--reason", "a test of halting", "--json"))
    assert halted["flat"]
    firm.inside("ops", "boardroom", "resume", "--reason", "the test is over", "--operator", "tester")
    wait_for_decisions(firm)


def test_every_output_is_the_same_again_where_the_keys_are(firm: Project) -> None:
    wait_healthy(firm)
    wait_for_decisions(firm, 1)
    replayed = json.loads(firm.done("run", "--rm", "-T", "audit", "boardroom", "replay", "--json"))
    assert replayed["identical"]
    assert {each["agent"] for each in replayed["agents"]} == set(AGENTS)


@pytest.mark.parametrize("service", [*AGENTS, "ops"])
def test_a_process_has_no_rights_and_no_key_but_its_own(firm: Project, service: str) -> None:
    wait_healthy(firm)
    shown = firm.inside(
        service, "sh", "-c",
        "id -u; grep -h -E 'CapEff|NoNewPrivs|PPid' /proc/1/status; touch /opt/mark 2>&1; ls /firm/keys/*.key",
    ).splitlines()  # fmt: skip
    assert shown[0] == "10001"
    assert {"CapEff:\t0000000000000000", "NoNewPrivs:\t1"} <= set(shown)
    one_line(shown, "/opt/mark", "Read-only file system")
    owners = {Path(line).name.split(".")[0] for line in shown if line.endswith(".key")}
    assert owners == ({"ops", "operator"} if service == "ops" else {service})


def test_redis_lets_nobody_in_without_a_password(firm: Project) -> None:
    wait_healthy(firm)
    said = firm.inside("redis", "redis-cli", "subscribe", "boardroom.MARKET_UPDATE/1.market")
    assert "NOAUTH" in said


def test_nothing_is_published_beyond_this_machine(firm: Project) -> None:
    wait_healthy(firm)
    for service in (*AGENTS, "redis", "ops"):
        bound = firm.container(service)["NetworkSettings"]["Ports"] or {}
        addresses = {each["HostIp"] for ports in bound.values() for each in ports or ()}
        assert addresses <= ({"127.0.0.1"} if service == "ops" else set())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("rm /firm/keys/risk.key", "risk.key: no such key"),
        ("sed -i s/.$/x/ /firm/keys/risk.key", "is not a time and a key"),
        ("cp /firm/keys/risk.redis.key /firm/keys/risk.key", "is not that of"),
        ("cp /firm/keys/risk.redis.key /firm/keys/risk.curve.key", "CURVE key of risk is not that of"),
        ("rm /firm/keys/risk.redis.key", "risk.redis.key: no such key"),
    ],
)
def test_a_wrong_key_is_refused_in_one_line_and_dealt_anew(firm: Project, harm: str, words: str) -> None:
    wait_healthy(firm)
    firm.done("stop", "risk")
    firm.done("run", "--rm", "-T", "--no-deps", "--entrypoint", "sh", "risk", "-c", harm)
    ran = firm.compose("run", "--rm", "-T", "--no-deps", "risk", timeout_s=PATIENCE_S)
    firm.up()
    wait_for_decisions(firm)
    assert ran.returncode == 78, ran.stdout + ran.stderr
    one_line([line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("risk:")], words)


def test_a_volume_that_is_read_only_is_refused_in_one_line(firm: Project) -> None:
    wait_healthy(firm)
    firm.done("stop", "risk")
    ran = firm.compose(
        "run", "--rm", "-T", "--no-deps", "-v", f"{firm.name}_risk:/firm:ro", "risk", timeout_s=PATIENCE_S
    )
    firm.up()
    wait_for_decisions(firm)
    assert ran.returncode == 70, ran.stdout + ran.stderr
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("risk:")]
    one_line(said, "/firm", "Read-only file system", "make it writable")


def test_another_configuration_is_not_put_under_a_running_firm(firm: Project) -> None:
    wait_healthy(firm)
    ran = firm.compose("run", "--rm", "-T", "--no-deps", "-e", "BOARDROOM_MARKET__SPEED=3", "prepare")
    assert ran.returncode == 1
    one_line((ran.stdout + ran.stderr).splitlines(), "runs with another configuration", "stop the firm")
    wait_for_decisions(firm)
