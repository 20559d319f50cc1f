"""`python -m research.schedules`: what each schedule costs, as the tables of docs/execution.md.

Bars and quotes come from ``../shared/data``; nothing is drawn but the resamples, from a fixed seed, so the same data
gives the same tables.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np

from bus.messages import Side
from research.schedules.market import read_market
from research.schedules.study import SHARES, SUBJECT, WAYS, Interval, Sample, against, interval, per_time, work

SHARED: Final = Path("../shared/data")
TRADES: Final = "BTC-USD_1m_trade.csv.gz"
QUOTES: Final = "BTC-USD_1m_quote.csv.gz"
SEED: Final = 9


def main() -> int:
    """Print the tables, or why there are none."""
    trades, quotes = SHARED / TRADES, SHARED / QUOTES
    missing = [str(path) for path in (trades, quotes) if not path.is_file()]
    if missing:
        print(f"{' and '.join(missing)}: not there; no quotes to work orders in, nothing was measured", file=sys.stderr)
        return 1
    bars = read_market(trades, quotes, "BTC-USD")
    samples = [sample for way in WAYS for share in SHARES for side in Side for sample in work(bars, way, share, side)]
    times = len({sample.at for sample in samples})
    print(f"{len(bars)} minutes, {times} times, {len(samples) // len(WAYS)} orders worked in each way")
    for share in SHARES:
        print_share([sample for sample in samples if sample.share == share], share)
    return 0


def print_share(samples: list[Sample], share: float) -> None:
    """Print what every way cost at one size, and the default one beside the others."""
    print(f"\nOrders of {share:.0%} of the volume to be expected\n")
    print("| schedule | filled | shortfall | of one order | against TWAP | against VWAP |")
    print("|---|---|---|---|---|---|")
    for way in WAYS:
        found = [sample for sample in samples if sample.way == way.name]
        filled = sum(sample.filled for sample in found) / len(found)
        cost, twap, vwap = (_shown(interval(per_time(found, name), SEED)) for name in ("shortfall", "twap", "vwap"))
        spread = float(np.std([sample.shortfall for sample in found]))
        print(f"| {way.name} | {filled:.1%} | {cost} | ± {spread:.1f} | {twap} | {vwap} |")
    print(f"\n| {SUBJECT} less | shortfall | p | after Holm |")
    print("|---|---|---|---|")
    for other, difference, adjusted in against(samples, SUBJECT, SEED):
        print(f"| {other} | {_shown(difference)} | {difference.p_value:.4f} | {adjusted:.4f} |")


def _shown(found: Interval) -> str:
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


if __name__ == "__main__":
    raise SystemExit(main())
