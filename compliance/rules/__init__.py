"""The register of compliance: every rule, each measuring one thing, none knowing of another.

``RULES`` judge every order, all of them, whatever others say. ``STANDING`` are kept by the firm as it stands, orders or
not; most of them are among the first as well.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from bus.gate import Labelled, Rule
from compliance.config import ComplianceLimits
from compliance.desk import Desk
from compliance.rules.book import (
    Concentration,
    Drawdown,
    ExpectedShortfall,
    PositionWeight,
    SectorWeight,
    WholeBook,
)
from compliance.rules.firm import Available, ImplementationShortfall
from compliance.rules.market import (
    DataQuality,
    KnownSymbol,
    Restricted,
    ShortSale,
    TradingHours,
    WashTrade,
    WholeData,
)
from compliance.rules.order import (
    Duplicate,
    Lot,
    MessageRate,
    OrderAge,
    OrderNotional,
    OrderQuantity,
    PriceCollar,
    Proposer,
)
from compliance.view import Breach, View


class Entry(Labelled, Protocol):
    """What the register says of a rule; its unit ends in "at least" where the limit is a lower bound."""

    @property
    def limit(self) -> str:
        """Key of limits.toml where the limit is stated, in [compliance] unless it says where; or what it is."""


class OrderRule(Entry, Rule[Desk, ComplianceLimits], Protocol):
    """A rule that has its word on every order."""


class StandingRule(Entry, Protocol):
    """A rule that the firm must keep whether or not it trades."""

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return what does not keep it now."""


RULES: Final[tuple[OrderRule, ...]] = (
    Proposer(),
    KnownSymbol(),
    Restricted(),
    WholeBook(),
    WholeData(),
    DataQuality(),
    OrderAge(),
    TradingHours(),
    PriceCollar(),
    OrderNotional(),
    OrderQuantity(),
    Lot(),
    Duplicate(),
    MessageRate(),
    ShortSale(),
    WashTrade(),
    ExpectedShortfall(),
    Drawdown(),
    PositionWeight(),
    SectorWeight(),
    Concentration(),
    ImplementationShortfall(),
)
STANDING: Final[tuple[StandingRule, ...]] = (
    ExpectedShortfall(),
    Drawdown(),
    PositionWeight(),
    SectorWeight(),
    Concentration(),
    ImplementationShortfall(),
    Available(),
    DataQuality(),
)
TIMELESS: Final = tuple(rule for rule in STANDING if not isinstance(rule, Available))
"""Standing rules that follow from bars and books alone."""
CHEAP: Final = tuple(rule for rule in TIMELESS if not isinstance(rule, ExpectedShortfall))
"""Those of them that cost a few microseconds, and so are kept on every book."""
REGISTER: Final[dict[str, Entry]] = {
    **{rule.id: rule for rule in RULES},
    **{rule.id: rule for rule in STANDING},
}
"""Every rule once, by its number."""


def is_lower_bound(rule: Entry) -> bool:
    """Tell whether the limit of a rule is a lower bound, and not an upper one as everywhere else."""
    return rule.unit.endswith("at least")
