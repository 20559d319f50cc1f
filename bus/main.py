"""The entry of every agent process: ``python -m NAME`` checks its configuration, takes its lock, and runs the loop."""

import argparse
import importlib.metadata
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from structlog.typing import FilteringBoundLogger

from bus.agent import Agent
from bus.beacon import Beacon
from bus.broadcast import open_broadcast
from bus.config import SAVED_FILE, Settings
from bus.direct import open_direct
from bus.errors import BoardroomError, ConfigError, Fatal, JournalError
from bus.footprint import calm_collector, release_compiler, vitals_of
from bus.journal import Journal
from bus.keys import make_keys
from bus.log import open_log, say
from bus.messages import AgentState
from bus.poll import LivePoll
from bus.process import Process
from bus.rotation import rotate_log
from bus.rundir import RunDir
from bus.snapshot import SnapshotStore

EXIT_CONFIG: Final = 78
EXIT_JOURNAL: Final = 74
EXIT_FATAL: Final = 70
EXIT_INTERRUPTED: Final = 130
_REDIS_PATIENCE_S: Final = 5.0
_DRAIN_NS: Final = 2_000_000_000
_WARM_INPUTS: Final = 500
"""After so many inputs every kernel of an agent has been called."""
Build = Callable[[Settings], Agent]


def main(name: str, build: Build) -> NoReturn:
    """Run one agent until SIGTERM or SIGINT.

    Exit status 0 after a clean stop, 78 for a configuration that does not fit, 74 for a journal that cannot be
    trusted or written, 70 for anything else that ends the process; each with one line that says why.
    """
    arguments = _arguments(name)
    own, name = name, arguments.name
    log = open_log(name, is_quiet=arguments.check)
    run_program(name, log, lambda: _run(name, own, build, arguments, log))


def run_program(name: str, log: FilteringBoundLogger, work: Callable[[], None]) -> NoReturn:
    """Do the work of a process, and end it with the status that its end calls for, and one line that says why."""
    try:
        work()
    except ConfigError as error:
        _fail(name, error, EXIT_CONFIG, log)
    except JournalError as error:
        _fail(name, error, EXIT_JOURNAL, log)
    except BoardroomError as error:
        _fail(name, error, EXIT_FATAL, log)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # the loop owns the process: whatever ends it is written down here
        log.exception("crashed", error=str(error))
        _fail(name, Fatal(f"{type(error).__name__}: {error}; the log has the details"), EXIT_FATAL, log)
    sys.exit(0)


def settings_of(config: Path | None, run_dir: Path) -> Settings:
    """Read the configuration of ``config``, or the one the firm saved in its run directory."""
    if config is None and (run_dir / SAVED_FILE).exists():
        return Settings.open(run_dir)
    return Settings.load(config or default_config(), run_dir)


def default_config() -> Path:
    """Return the configuration folder: ``BOARDROOM_CONFIG``, else ./configs."""
    return Path(os.environ.get("BOARDROOM_CONFIG", "configs"))


def default_run_dir() -> Path:
    """Return the run directory: ``BOARDROOM_RUN_DIR``, else ./var/run."""
    return Path(os.environ.get("BOARDROOM_RUN_DIR", "var/run"))


def code_version() -> str:
    """Return the installed version of the distribution, or "source" where it is not installed."""
    try:
        return importlib.metadata.version("boardroom")
    except importlib.metadata.PackageNotFoundError:
        return "source"


def _arguments(name: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=f"Run the agent {name} of a Boardroom firm.")
    parser.add_argument("--config", type=Path, help="folder with firm.toml and limits.toml")
    parser.add_argument(
        "--run-dir", type=Path, default=default_run_dir(), help="folder of the firm's sockets and journals"
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--name", default=name, help="name in the process list, for a replica of a seat")
    parser.add_argument(
        "--log-mb", type=float, help="size at which a log that is a file is rotated; never unless given"
    )
    parser.add_argument("--log-files", type=int, default=5, help="how many of its log files are kept")
    return parser.parse_args()


def _run(name: str, own: str, build: Build, arguments: argparse.Namespace, log: FilteringBoundLogger) -> None:
    run_dir = RunDir(arguments.run_dir)
    config = default_config() if arguments.check and arguments.config is None else arguments.config
    if arguments.log_mb is not None:
        rotate_log(run_dir.log(name), arguments.log_mb, arguments.log_files)
    settings = settings_of(config, run_dir.root)
    _obey_jit_switch(settings)
    if name not in settings.firm.agents:
        raise ConfigError(f"{settings.folder}/firm.toml: no [agents.{name}]; add it to the process list")
    if name != own and settings.firm.agents[name].replica_of != own:
        raise ConfigError(f"{settings.folder}/firm.toml: agents.{name} is no replica of {own}; name it in replica_of")
    if arguments.check:
        with tempfile.TemporaryDirectory(prefix="boardroom-check-") as scratch:
            checked = settings.elsewhere(Path(scratch))
            if not settings.firm.bus.keys:
                make_keys(checked.keys, 0)
            build(checked)
        print(f"{name}: configuration is in order")
        return
    run_dir.create()
    lock = run_dir.lock(name)
    lock.acquire()
    if not (run_dir.root / SAVED_FILE).exists():
        settings.save()
    try:
        agent = build(settings)
        agent.name = name
        _serve(agent, settings, run_dir, log)
    finally:
        lock.release()


def _serve(agent: Agent, settings: Settings, run_dir: RunDir, log: FilteringBoundLogger) -> None:
    bus = settings.firm.bus
    peers = {name: entry.role for name, entry in settings.firm.agents.items()}
    beacon = Beacon(run_dir.root, agent.name, bus.heartbeat_s)
    beacon.show(AgentState.STARTING)
    journal = Journal.open(run_dir.journal(agent.name), agent.name, segment_bytes=bus.journal_segment_mb << 20)
    snapshots = SnapshotStore(run_dir.snapshots(agent.name))
    direct = open_direct(settings, agent.name)
    broadcast = open_broadcast(settings, agent.name, agent.handlers)
    broadcast.connect_or_fail(_REDIS_PATIENCE_S)
    process = Process(
        agent, bus, direct, broadcast, journal, snapshots,
        peers=peers, clock_ns=time.time_ns, steady_ns=time.monotonic_ns, poll=LivePoll(direct, broadcast, log),
        version=code_version(),
        log=log, vitals=vitals_of(time.time_ns),
    )  # fmt: skip
    stopping = catch_signals()
    for cut in journal.cuts:
        log.warning("cut a record that was never finished off the journal", cut=str(cut))
    process.start()
    for skipped in snapshots.skipped:
        log.warning("passed over a snapshot that is not whole", snapshot=skipped.name, reason=skipped.reason)
    log.info("ready", incarnation=process.incarnation, inputs=process.inputs, records=journal.last_number)
    calm_collector()
    is_lean = False
    while not stopping:
        process.turn()
        beacon.keep(process.state, process.inputs, len(process.post.inbox))
        if not is_lean and process.inputs > _WARM_INPUTS:
            is_lean = True
            release_compiler()
    beacon.show(AgentState.STOPPING, process.inputs)
    process.drain(_DRAIN_NS)
    process.stop()
    log.info("stopped", inputs=process.inputs)


def catch_signals() -> list[int]:
    """Return a list that fills when the process is asked to stop."""
    caught: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: caught.append(received))
    return caught


def _obey_jit_switch(settings: Settings) -> None:
    """Begin again with numba's own switch set: it is read when numba is imported, which has happened by now."""
    if not settings.firm.kernels.jit and os.environ.get("NUMBA_DISABLE_JIT") != "1":
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606


def _fail(name: str, error: Exception, status: int, log: FilteringBoundLogger) -> NoReturn:
    log.error("ended", reason=str(error), status=status)
    say(f"{name}: {' '.join(str(error).split())}")
    sys.exit(status)
