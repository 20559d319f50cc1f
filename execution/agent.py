"""Execution: works approved orders at the broker while risk's lease is fresh, and publishes the book."""

from typing import Any, Final

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.approval import forgery
from bus.command import Authority
from bus.config import Settings
from bus.keys import HOLDERS, Verifier
from bus.message import Message
from bus.messages import (
    Command,
    CommandResult,
    Gap,
    LeaseState,
    MarketUpdate,
    OrderApproved,
    RiskAlert,
    RiskLease,
    SystemCommand,
    record_of,
)
from execution.admission import Ruling, admit
from execution.broker import Broker
from execution.config import ExecutionConfig
from execution.cost import load_kernels
from execution.desk import Desk
from execution.halting import Halting
from execution.money import as_text
from execution.paper import PaperBroker
from execution.tray import ODD, Filed

RISK: Final = "risk"
FORGERY_SEVERITY: Final = ODD
"""Enough for an operator to look at, too little for PADS to sell by: a stranger must not steer the firm."""


class HaltCheck(Message, kind="EXECUTION_HALT_CHECK"):
    """Timer: while halted, the broker's account must be read again."""


class Execution(Agent):
    """Owns the book: an approved order goes to the broker once, and every event is followed by the whole portfolio."""

    DURABLE = (OrderApproved,)

    def __init__(self, config: ExecutionConfig, verifier: Verifier, broker: Broker | None = None) -> None:
        super().__init__("execution")
        self.verifier = verifier
        self.authority = Authority(self.name, verifier)
        self.forged = 0
        self.desk = Desk(PaperBroker(config.paper) if broker is None else broker, config)
        self.halting = Halting(self.desk, config.halt_collar)
        self.halt_check_s = config.halt_check_s
        self.is_watching = False
        self.lease: RiskLease | None = None
        self.duplicates = 0
        self.gaps = 0

    @handles(MarketUpdate)
    def work(self, update: MarketUpdate) -> None:
        """Fill what earlier bars left working at this bar's open, mark to its close, and publish the book."""
        self._enter()
        filed = self.desk.on_bar(update)
        self._publish(filed + self.halting.look(self.conversation))

    @handles(OrderApproved)
    def accept(self, approval: OrderApproved) -> Answer:
        """Take an order to the broker, wait for its bar and a fresh lease, or refuse it."""
        order = approval.order
        if not self._is_genuine(approval) or self._is_replayed(approval):
            return None
        self._enter()
        if self.halting.halt.is_on:
            self._refuse(approval, f"halted by risk: {self.halting.halt.reason}")
            return None
        ruling, reason = admit(approval, self.lease, self.desk.standing(order), self.now_ns)
        match ruling:
            case Ruling.WAIT:
                return DEFER
            case Ruling.REFUSE:
                self._refuse(approval, reason)
            case Ruling.GO:
                self._publish(self.desk.accept(approval, self.conversation))
        return None

    @handles(RiskLease)
    def renew(self, lease: RiskLease) -> None:
        """Take over risk's newest word, never an older one; a halt withdraws every order and closes every position."""
        if self.conversation.sender != RISK:
            self._alert(f"lease from {self.conversation.sender} refused: only {RISK} gives one")
            return
        if self.lease is not None and lease.expires_ns < self.lease.expires_ns:
            return
        budget = 0 if self.lease is None else self.lease.budget
        self.lease = lease
        self._enter()
        filed = self.desk.renew()
        if lease.state is LeaseState.HALTED:
            filed += self.halting.begin(lease.halt, lease.reason, self.conversation)
            self._watch()
        elif self.halting.halt.is_on:
            filed += self.halting.end(self.conversation)
            filed += self.desk.release()
        if lease.budget > budget:
            self.desk.book.rebase_peak()
        if filed or lease.budget > budget:
            self._publish(filed)

    @handles(HaltCheck)
    def check(self, _: HaltCheck) -> None:
        """Read the broker's account again, bars or none."""
        self.is_watching = False
        if self.halting.halt.is_done:
            return
        self._enter()
        filed = self.halting.look(self.conversation)
        if filed:
            self._publish(filed)
        self._watch()

    @handles(SystemCommand)
    def tell(self, command: SystemCommand) -> Answer:
        """Say once more how far the halt has come; halts and resumes are risk's to give."""
        refused = self.authority.turn_away(self, command)
        if refused is not None:
            return refused
        result = self._tell(command)
        self.publish(record_of(command, self.conversation.sender, result))
        return result

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
            "held": len(self.desk.book.positions),
            "halt": self.halting.halt.stage.value,
            "halt_detail": self.halting.halt.detail,
            "duplicate_approvals": self.duplicates,
            "forged_approvals": self.forged,
            "refused_commands": self.authority.refused,
            "oddities": self.desk.oddities,
            "stopped": self.desk.auditor.stopped,
            "impact_coefficient": self.desk.model.coefficient,
            "gaps": self.gaps,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data."""
        return {
            "desk": self.desk.snapshot(),
            "halt": self.halting.snapshot(),
            "is_watching": self.is_watching,
            "lease": self.lease,
            "duplicates": self.duplicates,
            "forged": self.forged,
            "authority": self.authority.snapshot(),
            "gaps": self.gaps,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.desk.restore(state["desk"])
        self.halting.restore(state["halt"])
        self.is_watching = state["is_watching"]
        self.lease = state["lease"]
        self.duplicates = state["duplicates"]
        self.forged = state["forged"]
        self.authority.restore(state["authority"])
        self.gaps = state["gaps"]

    def _tell(self, command: SystemCommand) -> CommandResult:
        if command.command is not Command.ASK:
            return CommandResult(is_done=False, detail=f"execution does not know {command.command}; ask risk")
        status = self.halting.status
        if status is None:
            return CommandResult(is_done=True, detail="never halted")
        self.publish(status)
        return CommandResult(is_done=True, detail=f"{status.stage.value}: {status.detail}")

    def _watch(self) -> None:
        """Set the timer that reads the broker's account again, where it is not set."""
        if not self.is_watching:
            self.is_watching = True
            self.after(self.halt_check_s, HaltCheck())

    def _is_genuine(self, approval: OrderApproved) -> bool:
        """Alert the firm of an approval that the gates did not sign as it is; its id stays free for the true one."""
        why = forgery(self.verifier, approval, self.now_ns)
        if why:
            self.forged += 1
            self._alert(f"approval of order {approval.order.order_id} from {self.conversation.sender} refused: {why}")
        return not why

    def _is_replayed(self, approval: OrderApproved) -> bool:
        """Alert the firm of an approval that was answered before, or so long ago that this cannot be known any more."""
        order_id = approval.order.order_id
        status = self.desk.answered(order_id)
        if status is None and not self.desk.blotter.is_forgotten(approval.valid_until_ns, self.now_ns):
            return False
        self.duplicates += 1
        known = f"is {status}" if status is not None else "has long been void"
        self._alert(f"order {order_id} was approved before and {known}: not worked twice")
        return True

    def _enter(self) -> None:
        """Tell the desk the time and what may leave."""
        lease = self.lease
        self.desk.now_ns = self.now_ns
        self.desk.lease = None if lease is None or self.now_ns > lease.expires_ns else lease.state

    def _refuse(self, approval: OrderApproved, reason: str) -> None:
        """Refuse an order in public; that an approval came too late to be used is told to the firm as well."""
        if self.now_ns > approval.valid_until_ns:
            self._alert(f"approval of order {approval.order.order_id} refused: {reason}")
        self._enter()
        self._publish(self.desk.refuse(approval, self.conversation, reason))

    def _alert(self, reason: str) -> None:
        self.publish(RiskAlert(symbol="*", severity=FORGERY_SEVERITY, source=self.name, reason=reason))

    def _publish(self, filed: list[Filed]) -> None:
        """Tell everything, then the book that follows from it; that book is the one an alert was raised on."""
        book = self.desk.portfolio() if self.desk.has_bars else None
        for message, header in filed:
            if isinstance(message, RiskAlert) and book is not None:
                message = message.model_copy(update={"portfolio_version": book.version})
            self.publish(message, about=header)
        if book is not None:
            self.publish(book)


def build(settings: Settings) -> Agent:
    """Make execution from its configuration."""
    load_kernels()
    return Execution(settings.table("execution", ExecutionConfig), Verifier.load(settings.keys, HOLDERS))
