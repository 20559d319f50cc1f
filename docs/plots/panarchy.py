"""The picture of docs/panarchy.md: the S&P 500, its phase on each scale, and the appetite that follows.

``python -m docs.plots.panarchy`` draws it anew from the series of the arch package.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bus.messages import Phase
from market.bar import opened_at
from market.series import collect
from market.sources.packaged import read_packaged
from pads.closes import LogCloses
from pads.config import SCALES, PadsConfig
from pads.panarchy import Panarchy

HERE: Final = Path(__file__).parent
COLOURS: Final = {
    Phase.GROWTH: "#009E73",
    Phase.CONSERVATION: "#0072B2",
    Phase.RELEASE: "#D55E00",
    Phase.REORGANIZATION: "#F0E442",
}
"""Told apart by people of any colour vision (Okabe and Ito 2008)."""


def read() -> tuple[list[datetime], list[float], list[tuple[Phase | None, ...]], list[float]]:
    """Return days, closes, the phase on each scale, and the appetite without alerts."""
    config = PadsConfig()
    panarchy, closes = Panarchy(config.panarchy), LogCloses(config.panarchy.slow + 1)
    bars = collect("SPX", read_packaged("SPX")).bars
    phases, appetites = [], []
    for bar in bars:
        closes.append(math.log(float(bar.close)))
        operating = panarchy.update(closes, (None,) * len(SCALES))
        phases.append(tuple(scale.phase for scale in panarchy.scales))
        appetites.append(config.phase.appetite.of(operating))
    return [opened_at(bar.opened_ns) for bar in bars], [float(bar.close) for bar in bars], phases, appetites


def draw() -> Figure:
    """Draw price, phases and appetite above one another."""
    days, closes, phases, appetites = read()
    figure = Figure(figsize=(11.0, 6.4), layout="constrained")
    price, *strips, appetite = figure.subplots(5, 1, sharex=True, height_ratios=[6, 1, 1, 1, 2])
    price.semilogy(days, closes, color="black", linewidth=0.8)
    price.set_ylabel("S&P 500")
    price.set_yticks([800, 1200, 1600, 2400], ["800", "1200", "1600", "2400"])
    price.minorticks_off()
    for scale, strip in enumerate(strips):
        _fill(strip, days, [found[scale] for found in phases])
        strip.set_ylabel(SCALES[scale], rotation=0, ha="right", va="center")
    appetite.step(days, appetites, where="post", color="black", linewidth=0.8)
    appetite.set_ylabel("appetite")
    appetite.set_ylim(0.2, 0.8)
    appetite.set_xlim(days[0], days[-1])
    patches = [Patch(color=colour, label=phase.value) for phase, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="outside upper center", ncols=len(patches), frameon=False)
    return figure


def _fill(strip: Axes, days: Sequence[datetime], phases: Sequence[Phase | None]) -> None:
    """Colour the days of each phase."""
    strip.set_yticks([])
    start = 0
    for phase, run in groupby(phases):
        end = start + len(list(run))
        if phase is not None:
            strip.axvspan(days[start], days[min(end, len(days) - 1)], color=COLOURS[phase], linewidth=0)  # type: ignore[arg-type]
        start = end


def main() -> None:
    """Write the picture beside this file."""
    draw().savefig(HERE / "panarchy.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
