"""The feed process: publishes one bar after another, as fast as the firm concludes them or at a fixed speed."""

from collections.abc import Sequence
from typing import Any, Final

from bus.agent import Agent, Report, handles
from bus.config import Settings
from bus.errors import Fatal
from bus.message import Message
from bus.messages import DecisionMade, ExecutionReport, Gap, OrderRejected, RiskAlert, Started
from market.catalog import read_series
from market.conclusion import Conclusions
from market.config import MarketConfig
from market.feed import Feed
from market.patience import Patience
from market.series import Series

_SHOWN_DIGEST: Final = 12
_STALL_SEVERITY: Final = 0.5
_CONCLUDING: Final = (DecisionMade.KIND, OrderRejected.KIND, ExecutionReport.KIND)


class NextBar(Message, kind="MARKET_NEXT_BAR"):
    """It is time for the next bar of a market at a fixed speed."""


class StallCheck(Message, kind="MARKET_STALL_CHECK"):
    """It is time to see whether the bar last published still waits for its conclusion."""


class Market(Agent):
    """Publishes checked bars; in lockstep each one waits until the firm has concluded the one before.

    A bar that is not concluded in time is alerted once and waited for, unless a gap says that the conclusion itself
    may be lost: then the market goes on, and counts it as lost.
    """

    def __init__(self, series: Sequence[Series], config: MarketConfig) -> None:
        super().__init__("market")
        self._series = tuple(series)
        self._speed = config.speed
        self._feed = Feed(self._series)
        self._rounds = Conclusions()
        self._patience = Patience(config.stall_s)

    @handles(Started)
    def begin(self, _: Started) -> None:
        """Tell what the data is, then publish the first bar."""
        for one in self._series:
            self.publish(one.report())
        self._publish_next()

    @handles(NextBar)
    def tick(self, _: NextBar) -> None:
        """Publish the next bar, concluded or not."""
        self._publish_next()

    @handles(DecisionMade)
    def decided(self, decision: DecisionMade) -> None:
        """Go on when the decision needs no order, or its order was heard of before."""
        self._go_on(is_concluded=self._rounds.decide(decision))

    @handles(OrderRejected)
    def rejected(self, rejection: OrderRejected) -> None:
        """Go on when the awaited order ended at a gate."""
        self._go_on(is_concluded=self._rounds.end(rejection.order))

    @handles(ExecutionReport)
    def executed(self, report: ExecutionReport) -> None:
        """Go on when execution accepted or refused the awaited order, which its first report of any order says."""
        self._go_on(is_concluded=self._rounds.end(report.order))

    @handles(StallCheck)
    def check(self, _: StallCheck) -> None:
        """Alert once when the bar last published is overdue; otherwise look again when it would be."""
        is_waiting = bool(self._rounds)
        again_s = self._patience.check(self.now_ns, is_waiting=is_waiting)
        if again_s is not None:
            self.after(again_s, StallCheck())
        elif is_waiting:
            self._alert("still waiting")
            self._give_up_in_vain()

    @handles(Gap)
    def lose(self, gap: Gap) -> None:
        """Take note that the awaited conclusion may be among broadcasts lost for good."""
        if gap.stream in _CONCLUDING:
            self._patience.lose()
            self._give_up_in_vain()

    def _publish_next(self) -> None:
        if self._feed.is_at_end:
            return
        update = self._feed.take()
        self._rounds.expect(update)
        self.publish(update)
        if self._speed != "lockstep":
            self.after(1.0 / self._speed, NextBar())
            return
        check_s = self._patience.begin(self.now_ns)
        if check_s is not None:
            self.after(check_s, StallCheck())

    def _go_on(self, *, is_concluded: bool) -> None:
        if is_concluded and self._speed == "lockstep":
            self._publish_next()

    def _give_up_in_vain(self) -> None:
        if self._rounds and self._patience.gives_up():
            self._alert("its conclusion may be among lost broadcasts, going on without it")
            self._rounds.give_up()
            self._publish_next()

    def _alert(self, what: str) -> None:
        symbol, bar = self._feed.latest
        waited_s = self._patience.waited_s(self.now_ns)
        reason = f"bar {bar} of {symbol} not concluded after {waited_s:.1f} s: {what}; are pads and the gates running?"
        self.publish(RiskAlert(symbol=symbol, severity=_STALL_SEVERITY, source=self.name, reason=reason))

    def report(self) -> Report:
        """Return progress and what the data is."""
        is_done = self._feed.is_at_end and not (self._rounds and self._speed == "lockstep")
        return {
            "source": "; ".join(one.source for one in self._series),
            "digest": self._feed.digest[:_SHOWN_DIGEST],
            "speed": self._speed,
            "total": len(self._feed),
            "history": sum(one.history for one in self._series),
            "published": self._feed.cursor,
            "concluded": self._rounds.concluded,
            "stalls": self._patience.stalls,
            "lost": self._patience.lost,
            "done": int(is_done),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, with the digest of the data it belongs to."""
        return {
            "speed": self._speed,
            "feed": self._feed.snapshot(),
            "rounds": self._rounds.snapshot(),
            "patience": self._patience.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave, on the same data at the same speed.

        Raises
        ------
        Fatal
            The snapshot belongs to other data or another speed.
        """
        if state["speed"] != self._speed:
            raise Fatal(
                f"market: the snapshot was taken at speed {state['speed']}, market.speed is now {self._speed}: "
                "restore the setting of that run, or begin a new run directory"
            )
        self._feed.restore(state["feed"])
        self._rounds.restore(state["rounds"])
        self._patience.restore(state["patience"])


def build(settings: Settings) -> Agent:
    """Read and check the data that the [market] table names, and return the agent that publishes it."""
    config = settings.table("market", MarketConfig)
    return Market(read_series(config, settings.folder), config)
