"""Execution: works approved orders at the broker while risk's lease is fresh, and publishes the book."""

from typing import Any

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.config import Settings
from bus.errors import Invalid
from bus.message import Message
from bus.messages import Gap, LeaseState, MarketUpdate, OrderApproved, RiskLease
from execution.admission import Ruling, admit
from execution.config import ExecutionConfig
from execution.desk import Desk, Filed
from execution.money import as_text
from execution.paper import PaperBroker


class Execution(Agent):
    """Owns the book: an approved order goes to the broker once, and every event is followed by the whole portfolio."""

    DURABLE = (OrderApproved,)

    def __init__(self, config: ExecutionConfig) -> None:
        super().__init__("execution")
        self.desk = Desk(PaperBroker(config), config.initial_cash)
        self.lease: RiskLease | None = None
        self.duplicates = 0
        self.gaps = 0

    @handles(MarketUpdate)
    def work(self, update: MarketUpdate) -> None:
        """Fill what earlier bars left working at this bar's open, mark to its close, and publish the book."""
        self._publish(self.desk.on_bar(update))

    @handles(OrderApproved)
    def accept(self, approval: OrderApproved) -> Answer:
        """Take an order to the broker, wait for its bar and a fresh lease, or refuse it."""
        order = approval.order
        self._refuse_duplicate(approval)
        ruling, reason = admit(approval, self.lease, self.desk.standing(order), self.now_ns)
        match ruling:
            case Ruling.WAIT:
                return DEFER
            case Ruling.REFUSE:
                self._refuse(approval, reason)
            case Ruling.GO:
                self._publish([self.desk.accept(approval, self.conversation)])
        return None

    @handles(RiskLease)
    def renew(self, lease: RiskLease) -> None:
        """Take over risk's newest word; a halt withdraws every working order."""
        self.lease = lease
        if lease.state is LeaseState.HALTED and self.desk.working:
            self._publish(self.desk.cancel_all(f"halted by risk: {lease.reason}"))

    @handles(Gap)
    def note_gap(self, gap: Gap) -> None:
        """Count lost bars; a symbol that lost some shows it by its next bar number, and then nothing fills there."""
        if gap.stream == MarketUpdate.KIND:
            self.gaps += 1

    def lapse(self, message: Message) -> None:
        """Refuse an approval that expired while it waited."""
        if isinstance(message, OrderApproved) and self.desk.answered(message.order.order_id) is None:
            self._refuse(message, "expired while waiting for its bar and a fresh lease from risk")

    def report(self) -> Report:
        """Return cash and equity as exact text, and counts of fills, working orders and trouble."""
        return {
            "cash": as_text(self.desk.book.cash),
            "equity": as_text(self.desk.book.equity),
            "fills": self.desk.fills,
            "working": len(self.desk.working),
            "duplicate_approvals": self.duplicates,
            "gaps": self.gaps,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data."""
        return {"desk": self.desk.snapshot(), "lease": self.lease, "duplicates": self.duplicates, "gaps": self.gaps}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.desk.restore(state["desk"])
        self.lease = state["lease"]
        self.duplicates = state["duplicates"]
        self.gaps = state["gaps"]

    def _refuse_duplicate(self, approval: OrderApproved) -> None:
        status = self.desk.answered(approval.order.order_id)
        if status is not None:
            self.duplicates += 1
            raise Invalid(f"order {approval.order.order_id} was approved before and is {status}: not worked twice")

    def _refuse(self, approval: OrderApproved, reason: str) -> None:
        self._publish([self.desk.refuse(approval, self.conversation, reason)])

    def _publish(self, filed: list[Filed]) -> None:
        for report, header in filed:
            self.publish(report, about=header)
        if self.desk.has_bars:
            self.publish(self.desk.portfolio())


def build(settings: Settings) -> Agent:
    """Make execution from its configuration."""
    return Execution(settings.table("execution", ExecutionConfig))
