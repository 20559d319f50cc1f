"""`python -m research.bench`: measure, print a table, write var/bench.json."""

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from research.bench.firm import backtest_rounds_per_s, start_and_memory
from research.bench.planes import codec_us, round_times, throughput

_PAIRS: Final = 5
_ROUNDS: Final = 2_000
_MESSAGES: Final = 60_000
_OUTPUT: Final = Path("var/bench.json")
REACH: Final[dict[str, tuple[str, float]]] = {
    "round_ratio": ("<=", 2.0),
    "direct_ratio": (">=", 0.4),
    "broadcast_ratio": (">=", 0.4),
    "codec_us": ("<=", 12.0),
    "backtest_rounds_per_s": (">=", 2000.0),
    "start_s": ("<=", 12.0),
    "rss_mb": ("<=", 160.0),
}


def main() -> None:
    """Measure everything, one thing after the other, each beside its floor."""
    figures: dict[str, Any] = {"codec_us": codec_us()}
    _note("codec", figures["codec_us"])
    _ratio(figures, "round", [round_times(_ROUNDS) for _ in range(_PAIRS)], "ours_s", "floor_s")
    for name, is_broadcast in (("direct", False), ("broadcast", True)):
        pairs = [throughput(_MESSAGES, is_broadcast=is_broadcast) for _ in range(_PAIRS)]
        _ratio(figures, name, pairs, "ours_per_s", "floor_per_s")
    market, rates = backtest_rounds_per_s()
    figures["backtest_rounds_per_s"] = statistics.median(rates)
    figures["backtest"] = {"market": market, "runs": rates}
    _note("backtest", figures["backtest_rounds_per_s"])
    start_s, resident, peak = start_and_memory()
    figures |= {"start_s": start_s, "rss_mb": max(resident.values()), "rss": resident, "rss_peak": peak}
    figures["kernels"] = _kernels()
    figures["machine"] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    _OUTPUT.parent.mkdir(exist_ok=True)
    _OUTPUT.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    _print(figures)


def _ratio(figures: dict[str, Any], name: str, pairs: list[tuple[float, float]], ours: str, floor: str) -> None:
    """Keep the median of the pairwise ratios of ours to the floor, and both medians."""
    ratios = [mine / raw for mine, raw in pairs]
    figures[f"{name}_ratio"] = statistics.median(ratios)
    figures[name] = {
        ours: statistics.median(mine for mine, _ in pairs),
        floor: statistics.median(raw for _, raw in pairs),
        "ratios": ratios,
    }
    _note(name, figures[f"{name}_ratio"])


def _kernels() -> dict[str, dict[str, float]]:
    """Return, for each kernel, microseconds jitted and how many times plain Python and numpy take."""
    jitted = _kernel_times({})
    plain = _kernel_times({"NUMBA_DISABLE_JIT": "1"})
    table: dict[str, dict[str, float]] = {}
    for name, jitted_us in jitted["kernels"].items():
        table[name] = {"jitted_us": jitted_us, "same_code_unjitted": plain["kernels"][name] / jitted_us}
        if name in jitted["numpy"]:
            table[name]["whole_array_numpy"] = jitted["numpy"][name] / jitted_us
    return table


def _kernel_times(environment: dict[str, str]) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "research.bench.kernel_times"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    times: dict[str, dict[str, float]] = json.loads(done.stdout)
    return times


def _note(name: str, value: float) -> None:
    print(f"{name}: {value:.3g}", file=sys.stderr, flush=True)


def _print(figures: dict[str, Any]) -> None:
    console = Console(width=100)
    table = Table("figure", "measured", "reach", "", title="bench", title_justify="left")
    for name, (sign, bound) in REACH.items():
        value = figures[name]
        is_within = value <= bound if sign == "<=" else value >= bound
        table.add_row(name, f"{value:,.3g}" if value < 1000 else f"{value:,.0f}", f"{sign} {bound:,g}",
                      "reached" if is_within else "falls short")  # fmt: skip
    console.print(table)
    kernels = Table("kernel", "us", "same code, no jit", "whole-array numpy", title="kernels", title_justify="left")
    for name, row in figures["kernels"].items():
        numpy_ratio = row.get("whole_array_numpy")
        kernels.add_row(name, f"{row['jitted_us']:.2f}", f"{row['same_code_unjitted']:.1f} x",
                        "" if numpy_ratio is None else f"{numpy_ratio:.1f} x")  # fmt: skip
    console.print(kernels)
    console.print(f"{figures['backtest']['market']}; figures in {_OUTPUT}")


if __name__ == "__main__":
    main()
