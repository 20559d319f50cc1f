"""Alerts on their way into decisions: which were heard, and from which bar on each weighs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bus.messages import PortfolioUpdate, RiskAlert
from pads.instrument import Instrument

RISK: Final = "risk"


class Alarms:
    """Alerts raised on a book, kept until the first book of a later bar, so that no race decides where they count.

    Parameters
    ----------
    seats
        Their broadcasts are counted and no more: each has told its danger in its answer too.
    instruments
        Those that alerts are about.
    """

    def __init__(self, seats: Sequence[str], instruments: Mapping[str, Instrument]) -> None:
        self.repeated = 0
        self._seats = seats
        self._instruments = instruments
        self._kept: list[RiskAlert] = []
        self._due: dict[str, int] = {}

    def take(self, alert: RiskAlert) -> None:
        """Take note of an alert on one symbol, or on all when it is "*"; without a book it counts at once.

        What risk says of a book PADS knows from the book itself: risk may be dead when it would have to say it, and
        bars go on.
        """
        if alert.source in self._seats or (alert.source == RISK and alert.portfolio_version):
            self.repeated += 1
        elif alert.portfolio_version:
            self._kept.append(alert)
        else:
            self._heed(alert)

    def spend(self, book: PortfolioUpdate) -> None:
        """Raise the alarm that risk raises too: the drawdown budget is spent, and the firm halts."""
        reason = "the drawdown budget is spent"
        version = book.version
        self._kept.append(RiskAlert(symbol="*", severity=1.0, source=RISK, reason=reason, portfolio_version=version))

    def await_bar(self, symbol: str, version: int) -> None:
        """Take note of the first book of a bar: once the bar is here too, older alerts count."""
        self._due[symbol] = version

    def come_due(self, symbol: str) -> None:
        """Heed the alerts raised on earlier books than the first one of a symbol's bar, now that both are here.

        The bar restores some of the appetite, and so must always come before what cuts it.
        """
        version = self._due.pop(symbol, None)
        if version is not None and self._kept:
            due = [alert for alert in self._kept if alert.portfolio_version < version]
            self._kept = [alert for alert in self._kept if alert.portfolio_version >= version]
            for alert in due:
                self._heed(alert)

    def _heed(self, alert: RiskAlert) -> None:
        for instrument in self._instruments.values():
            if alert.symbol in ("*", instrument.symbol):
                instrument.alert(alert.severity)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.repeated, list(self._kept), dict(self._due)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.repeated, kept, due = state
        self._kept, self._due = list(kept), dict(due)
