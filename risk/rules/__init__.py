"""The rules of risk. Each measures one thing; none knows of another; all of them always run.

An order that only shrinks a holding toward zero passes the limits on size, tail, correlation, drawdown, the day's loss
and history, because refusing it would keep the risk that the limit is about. It still needs a clearance, a whole book
and a fresh bar, and may not raise a tail that is too heavy.
"""

from typing import Final

from bus.gate import Rule
from risk.config import RiskLimits
from risk.exposure import RiskBook
from risk.rules.order import Clearance, Duplicate, Observations, StalePrices, WholeBook
from risk.rules.size import Correlation, ExpectedShortfall, Gross, PositionWeight, SectorWeight
from risk.rules.standing import DailyLoss, Drawdown, DrawdownTier, Halt

RULES: Final[tuple[Rule[RiskBook, RiskLimits], ...]] = (
    Clearance(),
    Halt(),
    Duplicate(),
    WholeBook(),
    StalePrices(),
    Observations(),
    ExpectedShortfall(),
    PositionWeight(),
    Gross(),
    SectorWeight(),
    Correlation(),
    Drawdown(),
    DrawdownTier(),
    DailyLoss(),
)
