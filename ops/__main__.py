"""Run the observer of a firm that a container engine keeps: ``python -m ops``."""

import argparse
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from bus.config import SAVED_FILE
from bus.log import open_log
from bus.main import catch_signals, default_config, default_run_dir, run_program, settings_of
from bus.message import OPS
from ops.monitoring.observer import Observer, check


def main() -> None:
    """Observe until SIGTERM or SIGINT; the exit statuses are those of an agent."""
    parser = argparse.ArgumentParser(prog="python -m ops", description="Watch a firm that a container engine keeps.")
    parser.add_argument("--config", type=Path, help="folder with firm.toml and limits.toml")
    parser.add_argument("--run-dir", type=Path, default=default_run_dir(), help="folder for its state and reports")
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    arguments = parser.parse_args()
    log = open_log(OPS, is_quiet=arguments.check)
    run_program(OPS, log, lambda: _run(arguments, log))


def _run(arguments: argparse.Namespace, log: FilteringBoundLogger) -> None:
    config = default_config() if arguments.check and arguments.config is None else arguments.config
    settings = settings_of(config, arguments.run_dir)
    if arguments.check:
        check(settings)
        print(f"{OPS}: configuration is in order")
        return
    stopping = catch_signals()
    observer = Observer(settings)
    if not (settings.run_dir / SAVED_FILE).exists():
        settings.save()
    try:
        observer.run(lambda: stopping, log.info)
    finally:
        observer.close()
    log.info("stopped")


if __name__ == "__main__":
    main()
