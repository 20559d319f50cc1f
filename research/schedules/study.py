"""The same orders worked in every way, each through a desk and a paper broker of its own.

At each of many times an order to buy and one to sell, of each size, are decided; a size is a share of the volume that
the last hour would give in the time there is. What an order costs is its implementation shortfall over the value it was
decided at: what drifts meanwhile costs the one side what it saves the other, so their mean is what trading cost. What
was not filled in time is counted at the price of the end.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

import numpy as np

from bus.approval import GATES
from bus.message import Header
from bus.messages import Approval, ExecutionCost, LeaseState, MarketUpdate, Order, OrderApproved, Side, Urgency
from execution.config import ExecutionConfig
from execution.desk import Desk
from execution.paper import PaperBroker
from kernels.arrays import Floats
from kernels.bootstrap import stationary_means
from research.ablation.effect import holm


class Way(NamedTuple):
    """A way to work an order: a schedule, and an urgency where it minds that."""

    name: str
    schedule: str
    urgency: Urgency = Urgency.MEDIUM


WAYS: Final = (
    *(Way(name, name) for name in ("immediate", "twap", "vwap", "pov", "shortfall")),
    *(Way(f"adaptive, {urgency.value}", "adaptive", urgency) for urgency in Urgency),
)
SUBJECT: Final = "adaptive, medium"
"""The default, compared with every other."""
SHARES: Final = (0.02, 0.1, 0.3)
HORIZON_BARS: Final = 10
STEP_BARS: Final = 12
_HOUR: Final = 60
_LOT: Final = Decimal("0.0001")
_DRAWS: Final = 10_000
_BLOCK: Final = 5.0
"""Mean block of the bootstrap in decision times: an hour."""
_BASIS_POINTS: Final = 10_000.0
_FAR_NS: Final = 1 << 62


class Sample(NamedTuple):
    """One order as one way worked it; costs in basis points of the price at decision, or of the benchmark."""

    way: str
    share: float
    side: Side
    at: int
    filled: float
    shortfall: float
    twap: float | None
    vwap: float | None


class Interval(NamedTuple):
    """A mean, its 95 % interval, and the two-sided p-value against 0."""

    mean: float
    low: float
    high: float
    p_value: float


def decision_bars(bars: Sequence[MarketUpdate]) -> range:
    """Return the bars at whose close orders are decided: after an hour, then with room to end before the next."""
    return range(_HOUR, len(bars) - HORIZON_BARS - 1, STEP_BARS)


def work(bars: Sequence[MarketUpdate], way: Way, share: float, side: Side) -> list[Sample]:
    """Return what a way makes of every order of one size and side."""
    config = ExecutionConfig.model_validate(
        {
            "initial_cash": "1000000000000",
            "lot": _LOT,
            "schedule": way.schedule,
            "horizon_bars": HORIZON_BARS,
            "expire_bars": HORIZON_BARS,
            "pov_rate": min(1.0, share),
        }
    )
    desk = Desk(PaperBroker(config.paper), config)
    desk.lease = LeaseState.ACTIVE
    at = set(decision_bars(bars))
    volumes = [float(bar.volume) for bar in bars]
    samples: list[Sample] = []
    for bar in bars:
        filed = desk.on_bar(bar)
        if bar.bar in at:
            expected = HORIZON_BARS * sum(volumes[bar.bar - _HOUR : bar.bar]) / _HOUR
            order = _order(bar, Decimal(share * expected).quantize(_LOT, ROUND_DOWN), side, way.urgency)
            filed += desk.accept(_approved(order), _header(order))
        samples += [_sample(cost.message, way.name, share) for cost in filed if isinstance(cost.message, ExecutionCost)]
    return samples


def per_time(samples: Sequence[Sample], value: str) -> Floats:
    """Return the mean of a field over both sides at each time, oldest first; times without it are left out."""
    found: dict[int, list[float]] = {}
    for sample in samples:
        number = getattr(sample, value)
        if number is not None:
            found.setdefault(sample.at, []).append(number)
    return np.array([float(np.mean(found[at])) for at in sorted(found)])


def interval(values: Floats, seed: int) -> Interval:
    """Return the mean of a series with its interval by the stationary block bootstrap."""
    means = stationary_means(values, _BLOCK, _DRAWS, np.random.default_rng(seed))
    low, high = np.quantile(means, [0.025, 0.975])
    tail = 1 + min(int((means <= 0.0).sum()), int((means >= 0.0).sum()))
    return Interval(float(values.mean()), float(low), float(high), min(1.0, 2.0 * tail / (_DRAWS + 1)))


def against(samples: Sequence[Sample], subject: str, seed: int) -> list[tuple[str, Interval, float]]:
    """Compare a way's shortfall with that of every other on the same orders, all of one size.

    Returns
    -------
    list of (str, Interval, float)
        The other way, how much more ``subject`` costs in basis points, and the p-value after Holm's correction.
    """
    ours = per_time(_of(samples, subject), "shortfall")
    others = [way.name for way in WAYS if way.name != subject]
    found = [interval(ours - per_time(_of(samples, other), "shortfall"), seed) for other in others]
    adjusted = holm([each.p_value for each in found])
    return list(zip(others, found, adjusted, strict=True))


def _of(samples: Sequence[Sample], way: str) -> list[Sample]:
    return [sample for sample in samples if sample.way == way]


def _order(bar: MarketUpdate, quantity: Decimal, side: Side, urgency: Urgency) -> Order:
    decision_id = f"{bar.symbol}-{bar.bar}"
    return Order(
        order_id=f"{decision_id}-o1",
        decision_id=decision_id,
        symbol=bar.symbol,
        side=side,
        quantity=max(quantity, _LOT),
        reference_price=bar.close,
        bar=bar.bar,
        urgency=urgency,
    )


def _approved(order: Order) -> OrderApproved:
    """Return the order as it comes to the desk, which leaves signatures to the agent around it."""
    unsigned = tuple(Approval(gate=gate, valid_until_ns=_FAR_NS, key="study", signature=b"") for gate in GATES)
    return OrderApproved(order=order, verdicts=(), approvals=unsigned)


def _header(order: Order) -> Header:
    return Header(order.order_id, order.decision_id, "", OrderApproved.KIND, "risk", "execution", 0, 0, 0, 2)


def _sample(cost: ExecutionCost, way: str, share: float) -> Sample:
    order = cost.order
    value = float(order.quantity * order.reference_price)
    return Sample(
        way=way,
        share=share,
        side=order.side,
        at=order.bar,
        filled=float(cost.filled / order.quantity),
        shortfall=_BASIS_POINTS * float(cost.total) / value,
        twap=cost.twap_bps,
        vwap=cost.vwap_bps,
    )
