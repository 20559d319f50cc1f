"""Rules about the firm: what its trading costs, and whether its agents are there. They warn and refuse nothing."""

from collections.abc import Sequence
from typing import ClassVar

from bus.gate import Finding
from bus.messages import Order, Severity
from compliance.config import ComplianceLimits
from compliance.costs import Costs
from compliance.desk import Desk
from compliance.log import FIRM
from compliance.view import Breach, View


class ImplementationShortfall:
    """Mean cost of the last orders that ended, by Perold, of what they were worth when decided."""

    id: ClassVar[str] = "EXE_001"
    name: ClassVar[str] = "implementation_shortfall"
    severity: ClassVar[Severity] = Severity.WARNING
    unit: ClassVar[str] = "of notional"
    limit: ClassVar[str] = "implementation_shortfall"
    remedy: ClassVar[str] = "trade less, or at a lower participation"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the mean with the limit; fewer orders than are looked at have none."""
        mean = desk.costs.mean
        passes = mean is None or mean <= limits.implementation_shortfall
        return Finding(passes, mean, limits.implementation_shortfall, _counted(desk.costs))

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the firm where its orders cost too much."""
        mean = view.costs.mean
        if mean is None or mean <= limits.implementation_shortfall:
            return ()
        return (Breach(FIRM, mean, limits.implementation_shortfall, _counted(view.costs)),)


class Available:
    """Share of the time in which agents were heard from when they should have been, over a rolling window."""

    id: ClassVar[str] = "OPS_001"
    name: ClassVar[str] = "availability"
    severity: ClassVar[Severity] = Severity.WARNING
    unit: ClassVar[str] = "share, at least"
    limit: ClassVar[str] = "availability"
    remedy: ClassVar[str] = "see `boardroom status` and the log of the agent that is not heard from"

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the firm where it was measured and is too low."""
        share = view.availability.share(view.now_ns)
        if share is None or share >= float(limits.availability):
            return ()
        missing = ", ".join(view.availability.silent()) or "nobody now"
        return (Breach(FIRM, share, limits.availability, f"not heard from: {missing}"),)


def _counted(costs: Costs) -> str:
    return f"{costs.count} of {costs.orders} ended orders"
