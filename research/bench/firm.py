"""The whole firm: rounds a second on the simulated bus, seconds to start as processes, memory of the largest."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bus.config import Settings
from bus.main import default_config
from ops.harness import Firm
from research.backtest import backtest

_BARS: Final = 6_000
_RUNS: Final = 3
_REAL_MINUTES: Final = Path(__file__).parents[3] / "shared" / "data" / "BTC-PERP_1m.csv.gz"


def minute_market() -> tuple[str, dict[str, Any]]:
    """Return a name and a [market] table of one-minute bars: real ones where they are, else synthetic ones."""
    if _REAL_MINUTES.exists():
        return "BTC-PERP one-minute bars", {
            "source": "csv", "paths": {"BTC-PERP": str(_REAL_MINUTES.resolve())}, "bars": _BARS,
        }  # fmt: skip
    return "synthetic one-minute bars", {
        "source": "synthetic", "symbols": ["SYN"], "bars": _BARS, "synthetic": {"bar_s": 60},
    }  # fmt: skip


def full_firm_rounds_per_s() -> tuple[str, list[float]]:
    """Return the market used and the rounds per second of several runs of the full firm, everything on, in one thread.

    Everything runs in this process, the recorder and its ledger included.
    """
    name, market = minute_market()
    rates = []
    for _ in range(_RUNS):
        with tempfile.TemporaryDirectory(prefix="bd-bench-") as folder:
            settings = Settings.load(default_config(), Path(folder)).elsewhere(Path(folder), {"market": market})
            rates.append(backtest(settings).rounds_per_s)
    return name, rates


def start_and_memory() -> tuple[float, dict[str, float], dict[str, float]]:
    """Return seconds until the whole firm is READY, and MB resident and at peak of each agent at the demo's end."""
    overrides = {"market": {"bars": 150, "history_bars": 100}}
    starts = []
    resident: dict[str, float] = {}
    peak: dict[str, float] = {}
    for _ in range(_RUNS):
        firm = Firm(default_config(), overrides)
        started = time.perf_counter()
        with firm:
            starts.append(time.perf_counter() - started)
            firm.wait_done()
            for name in firm.supervisor.entries:
                pid = firm.supervisor.pid(name)
                fields = _memory(pid) if pid is not None else {}
                resident[name], peak[name] = fields.get("VmRSS", 0.0), fields.get("VmHWM", 0.0)
    return statistics.median(starts), resident, peak


def _memory(pid: int) -> dict[str, float]:
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(("VmRSS", "VmHWM")):
            name, value, _ = line.split()
            fields[name.rstrip(":")] = int(value) / 1024
    return fields
