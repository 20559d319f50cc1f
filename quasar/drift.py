"""Whether what was learned still holds: two tests on the prequential loss, and an alarm that fades.

ADWIN (Bifet and Gavalda 2007) keeps a window of losses and cuts it where two parts differ more than chance at level
delta allows. Page-Hinkley (Page 1954) sums what losses exceed their mean by more than 0.05, and fires where the sum
has risen by more than a threshold. Both are those of the river library. Only a change for the worse is a drift. A
loss lies in [0, 1]; losses of overlapping rounds (1/h each) are averaged until they make one whole round, so that a
test sees what it takes for independent.

The alarm is 1 at a drift and fades by the same factor with every round.
"""

from typing import Any, Final

from bus.errors import Fatal
from quasar.library import ADWIN, VERSION, PageHinkley

_TOLERATED: Final = 0.05
_CLOCK: Final = 8
"""Losses between two tests of ADWIN."""
_WHOLE: Final = 1.0 - 1e-9


class DriftWatch:
    """Listens to losses and says how alarming they are.

    Parameters
    ----------
    delta
        Level of ADWIN's test.
    threshold
        Of the Page-Hinkley sum.
    decay
        What a round keeps of the alarm.
    """

    def __init__(self, delta: float, threshold: float, decay: float) -> None:
        self._adwin = ADWIN(delta=delta, clock=_CLOCK)
        self._page_hinkley = PageHinkley(threshold=threshold, delta=_TOLERATED, mode="up")
        self._decay = decay
        self._loss = 0.0
        self._weight = 0.0
        self.alarm = 0.0
        self.drifts = 0

    def take(self, loss: float, weight: float) -> bool:
        """Take the loss of a round that counts ``weight``; return whether it shows a drift."""
        self.alarm *= self._decay**weight
        self._loss += weight * loss
        self._weight += weight
        if self._weight < _WHOLE:
            return False
        mean = self._loss / self._weight
        self._loss = self._weight = 0.0
        before = self._adwin.estimation
        self._adwin.update(mean)
        self._page_hinkley.update(mean)
        has_grown = self._adwin.drift_detected and self._adwin.estimation > before
        if not (has_grown or self._page_hinkley.drift_detected):
            return False
        self.alarm = 1.0
        self.drifts += 1
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; ADWIN's buckets, which only its library can read, as its own bytes."""
        adwin, page = self._adwin, self._page_hinkley
        return {
            "adwin": [VERSION, bytes(adwin._helper.__getstate__()), adwin.drift_detected],
            "page_hinkley": [
                page._x_mean.n, page._x_mean.get(), page._sum_increase, page._sum_decrease,
                page._min_increase if page._x_mean.n else 0.0, page._max_decrease, page.drift_detected,
            ],
            "loss": self._loss,
            "weight": self._weight,
            "alarm": self.alarm,
            "drifts": self.drifts,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave.

        Raises
        ------
        Fatal
            Another version of the river library wrote it.
        """
        adwin, page = self._adwin, self._page_hinkley
        version, buckets, adwin._drift_detected = state["adwin"]
        if version != VERSION:
            raise Fatal(
                f"a snapshot of ADWIN by river {version}, which river {VERSION} may read otherwise: install river "
                f"{version}, or start a new run directory"
            )
        adwin._helper.__setstate__(buckets)
        page._x_mean.n, page._x_mean._mean, page._sum_increase, page._sum_decrease, *rest = state["page_hinkley"]
        least, page._max_decrease, page._drift_detected = rest
        page._min_increase = least if page._x_mean.n else float("inf")
        self._loss, self._weight = state["loss"], state["weight"]
        self.alarm, self.drifts = state["alarm"], state["drifts"]
