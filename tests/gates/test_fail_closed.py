"""Each gate raising, late, stale, gapped, dead, and execution without a lease: no order leaves, and each one ends.

Every fault meets every kind of order over the true compliance, risk and execution. What leaves is what reaches the
broker; an order has ended when PADS has heard so.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from bus.keys import make_keys
from bus.message import Message
from bus.messages import (
    Command,
    CorporateAction,
    Gap,
    HaltStage,
    HaltStatus,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    PortfolioUpdate,
    RiskLease,
    Side,
    SystemCommand,
    Urgency,
)
from compliance.rules import RULES as COMPLIANCE_RULES
from risk.rules import RULES as RISK_RULES
from tests.gates.firm import HELD, Firm, seasoned
from tests.gates.world import BUILD, punctual

Fault = Callable[[Firm], object]
Make = Callable[[Firm], Order]

MAY_GO: Final[dict[str, Make]] = {
    "buy": lambda firm: firm.order(Side.BUY, 10),
    "buy the other": lambda firm: firm.order(Side.BUY, 10, "BBB"),
    "short": lambda firm: firm.order(Side.SELL, 10, "BBB"),
    "reduce": lambda firm: firm.order(Side.SELL, 10),
    "close": lambda firm: firm.order(Side.SELL, HELD),
    "urgent": lambda firm: firm.order(Side.BUY, 10, urgency=Urgency.URGENT),
}
MAY_NOT: Final[dict[str, Make]] = {
    "of absurd size": lambda firm: firm.order(Side.BUY, 10**9),
    "of absurd size, urgent": lambda firm: firm.order(Side.SELL, 10**9, urgency=Urgency.URGENT),
    "of a symbol without bars": lambda firm: firm.order(Side.BUY, 10, "ZZZ"),
    "of a fraction of the lot": lambda firm: firm.order(Side.BUY, "0.00001"),
    "far from the market": lambda firm: firm.order(Side.BUY, 10).model_copy(update={"reference_price": Decimal(200)}),
    "of a bar long gone": lambda firm: firm.order(Side.BUY, 10).model_copy(update={"bar": 3}),
}
UNDER_FAULTS: Final = MAY_GO | {kind: MAY_NOT[kind] for kind in ("of absurd size", "of a symbol without bars")}


def withholding(kind: type[Message], recipient: str) -> Fault:
    """Let nothing of a kind arrive at a recipient any more."""

    def fault(firm: Firm) -> None:
        firm.bend = lambda header, to: 1e9 if (header.kind, to) == (kind.KIND, recipient) else 0.0

    return fault


def losing(kind: type[Message], recipient: str) -> Fault:
    """Lose what is sent of a kind to a recipient, who is told of the gap."""

    def fault(firm: Firm) -> None:
        firm.bend = lambda header, to: None if (header.kind, to) == (kind.KIND, recipient) else 0.0

    return fault


def late(kind: type[Message], seconds: float) -> Fault:
    """Hold what is sent of a kind for some time."""

    def fault(firm: Firm) -> None:
        firm.bend = lambda header, to: seconds if header.kind == kind.KIND else 0.0

    return fault


def gapped(kind: type[Message], recipient: str) -> Fault:
    """Tell a recipient of a gap that cannot be repaired."""
    gap = Gap(sender="market", stream=kind.KIND, first=1, last=1)

    def fault(firm: Firm) -> None:
        firm.notice(recipient, gap)
        firm.run(0.01)

    return fault


def dead(name: str) -> Fault:
    """End an agent."""
    return lambda firm: firm.kill(name)


def crashing(name: str, kind: type[Message]) -> Fault:
    """Let an agent end while it handles a kind, which it has acknowledged."""

    def fault(firm: Firm) -> None:
        agent = firm.agent(name)

        def crash(agent: Any, message: Any) -> None:
            raise MemoryError("no room to judge it in")

        agent.handlers = {**agent.handlers, kind: crash}

    return fault


def strange_keys(name: str) -> Fault:
    """Let a gate sign with keys that nobody knows."""

    def fault(firm: Firm) -> None:
        other = firm.settings.elsewhere(firm.settings.folder / "other")
        make_keys(other.keys, 0)
        firm.agent(name).signer = BUILD[name](other).signer  # type: ignore[attr-defined]

    return fault


def after(seconds: float, fault: Fault) -> Fault:
    """Let a fault last for some time before the order comes."""

    def lasting(firm: Firm) -> None:
        fault(firm)
        firm.run(seconds)

    return lasting


def new_bar(fault: Fault) -> Fault:
    """Let a bar come that the fault keeps from somebody, and the order with it."""

    def unseen(firm: Firm) -> None:
        fault(firm)
        firm.day()

    return unseen


FAULTS: Final[dict[str, Fault]] = {
    "compliance dead": dead("compliance"),
    "risk dead": dead("risk"),
    "risk dead for 2 s": after(2.1, dead("risk")),
    "execution dead": dead("execution"),
    "compliance crashes": crashing("compliance", OrderProposed),
    "risk crashes": crashing("risk", OrderCleared),
    "execution crashes": crashing("execution", OrderApproved),
    "proposal late": late(OrderProposed, 10.5),
    "compliance late": late(OrderCleared, 10.5),
    "risk late": late(OrderApproved, 10.5),
    "proposal lost": losing(OrderProposed, "compliance"),
    "clearance lost": losing(OrderCleared, "risk"),
    "approval lost": losing(OrderApproved, "execution"),
    "bars withheld from compliance": new_bar(withholding(MarketUpdate, "compliance")),
    "bars withheld from risk": new_bar(withholding(MarketUpdate, "risk")),
    "bars lost to compliance": new_bar(losing(MarketUpdate, "compliance")),
    "bars lost to risk": new_bar(losing(MarketUpdate, "risk")),
    "books withheld from compliance": new_bar(withholding(PortfolioUpdate, "compliance")),
    "books withheld from risk": new_bar(withholding(PortfolioUpdate, "risk")),
    "books lost to compliance": new_bar(losing(PortfolioUpdate, "compliance")),
    "books lost to risk": new_bar(losing(PortfolioUpdate, "risk")),
    "compliance gapped in bars": gapped(MarketUpdate, "compliance"),
    "risk gapped in bars": gapped(MarketUpdate, "risk"),
    "compliance gapped in books": gapped(PortfolioUpdate, "compliance"),
    "risk gapped in books": gapped(PortfolioUpdate, "risk"),
    "leases withheld": after(2.1, withholding(RiskLease, "execution")),
    "leases lost": after(2.1, losing(RiskLease, "execution")),
    "leases a second too old": after(3.1, late(RiskLease, 3.0)),
    "compliance signs with a strange key": strange_keys("compliance"),
    "risk signs with a strange key": strange_keys("risk"),
}
SILENT: Final = frozenset({"risk crashes", "execution crashes", "risk signs with a strange key"})
"""Faults after which nobody who knows of an order is left to answer, and PADS stops waiting by its own clock: who
crashed had acknowledged it, and what execution cannot believe it does not answer as an order."""


def settle(firm: Firm) -> None:
    """Let pass all the time that anybody could wait, with bars coming in."""
    for _ in range(8):
        firm.run(2.5)
        firm.day()
    firm.run(60.0)
    firm.day()


@pytest.mark.parametrize("kind", MAY_GO)
def test_without_a_fault_an_order_leaves(firm: Firm, sent: list[str], kind: str) -> None:
    order = firm.propose(MAY_GO[kind](firm))
    settle(firm)
    assert {name.rsplit("-", 1)[0] for name in sent} == {f"bd-{order.order_id}"}
    assert firm.ends() == {order.order_id: ["filled"]}


@pytest.mark.parametrize("kind", MAY_NOT)
def test_without_a_fault_a_bad_order_is_refused(firm: Firm, sent: list[str], kind: str) -> None:
    order = firm.propose(MAY_NOT[kind](firm))
    firm.run(0.1)
    assert firm.ends() == {order.order_id: ["rejected by compliance"]}
    assert sent == []


@pytest.mark.parametrize("kind", UNDER_FAULTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_under_a_fault_no_order_leaves_and_each_ends(firm: Firm, sent: list[str], fault: str, kind: str) -> None:
    FAULTS[fault](firm)
    sent.clear()
    order = firm.propose(UNDER_FAULTS[kind](firm))
    settle(firm)
    assert sent == []
    assert firm.book.working == ()
    assert firm.held("AAA") == HELD
    assert firm.held("BBB") == 0
    lapses = fault == "compliance crashes" or (fault in SILENT and kind in MAY_GO)
    assert len(firm.ends().get(order.order_id, [])) == (0 if lapses else 1)
    assert firm.ends().keys() <= {order.order_id}


@pytest.mark.parametrize("kind", ["buy", "reduce"])
@pytest.mark.parametrize("rule", [*COMPLIANCE_RULES, *RISK_RULES], ids=lambda rule: rule.id)
def test_a_rule_that_raises_refuses(
    firm: Firm, sent: list[str], rule: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("measured nothing")

    monkeypatch.setattr(type(rule), "check", broken)
    order = firm.propose(UNDER_FAULTS[kind](firm))
    firm.run(0.1)
    [rejected] = firm.heard(OrderRejected)
    assert rejected.order == order
    [refusing] = [verdict for verdict in rejected.verdicts if not verdict.passes]
    assert (refusing.id, refusing.rule) == (rule.id, rule.name)
    assert refusing.detail == "cannot judge: ZeroDivisionError: measured nothing"
    settle(firm)
    assert sent == []
    assert firm.ends() == {order.order_id: [f"rejected by {rejected.rejected_by}"]}


def test_an_order_at_work_sends_no_child_without_a_lease(tmp_path: Path, sent: list[str]) -> None:
    firm = seasoned(tmp_path, {"execution": {"schedule": "twap", "horizon_bars": 5}})
    firm.run(1.0)
    sent.clear()
    order = firm.propose(firm.order(Side.BUY, 50, "BBB"))
    firm.run(0.1)
    firm.day()
    before = list(sent)
    assert 0 < len(before) < 5
    withholding(RiskLease, "execution")(firm)
    firm.run(2.1)
    for _ in range(3):
        firm.day()
    assert sent == before
    assert [working.order.order_id for working in firm.book.working] == [order.order_id]
    firm.bend = punctual
    firm.run(1.0)
    firm.day()
    assert len(sent) > len(before)
    settle(firm)
    assert firm.ends()[order.order_id] in (["filled"], ["expired"])
    assert firm.book.working == ()


@pytest.mark.parametrize("kind", MAY_GO)
def test_in_a_halt_no_order_leaves(firm: Firm, sent: list[str], kind: str) -> None:
    """The halt's own orders flatten the book, and nothing else leaves."""
    firm.command(SystemCommand(command=Command.HALT, reason="drill", operator="a person"), "risk")
    firm.run(0.1)
    order = firm.propose(MAY_GO[kind](firm))
    settle(firm)
    [end] = firm.ends()[order.order_id]
    assert end.startswith("rejected by ")
    assert not any(name.startswith(f"bd-{order.order_id}") for name in sent)
    assert firm.held("AAA") == 0
    assert firm.book.working == ()


def test_a_halt_overtakes_an_approval(firm: Firm, sent: list[str]) -> None:
    firm.bend = lambda header, to: 1.0 if header.kind == OrderApproved.KIND else 0.0
    order = firm.propose(firm.order(Side.BUY, 10))
    firm.run(0.5)
    assert firm.heard(OrderApproved)
    firm.command(SystemCommand(command=Command.HALT, reason="drill", operator="a person"), "risk")
    firm.run(1.0)
    assert firm.ends()[order.order_id] == ["refused"]
    assert not any(name.startswith(f"bd-{order.order_id}") for name in sent)


def test_an_order_waits_for_the_book_that_shows_a_split(firm: Firm, sent: list[str]) -> None:
    """Until then a gate would price the units of before at the price of after."""
    order = firm.order(Side.BUY, 400)
    withholding(PortfolioUpdate, "risk")(firm)
    firm.show("AAA", firm.prices["AAA"] / 4, action=CorporateAction(split=Decimal(4)))
    firm.run(0.1)
    assert firm.held("AAA") == 4 * HELD
    firm.propose(firm.order(Side.SELL, 10, "AAA"))
    firm.propose(order.model_copy(update={"symbol": "BBB"}))
    firm.run(0.1)
    assert firm.heard(OrderApproved) == []
    settle(firm)
    assert sent == []
    assert all(len(ends) == 1 for ends in firm.ends().values())


def test_an_order_of_before_a_split_does_not_leave_after_it(firm: Firm, sent: list[str]) -> None:
    firm.bend = lambda header, to: 1.0 if header.kind == OrderApproved.KIND else 0.0
    order = firm.propose(firm.order(Side.BUY, 100))
    firm.run(0.5)
    assert firm.heard(OrderApproved)
    firm.show("AAA", firm.prices["AAA"] * 8, action=CorporateAction(split=Decimal("0.125")))
    firm.run(1.0)
    assert sent == []
    assert firm.ends() == {order.order_id: ["refused"]}


def test_a_split_in_a_halt_leaves_it_flat(firm: Firm, sent: list[str]) -> None:
    """What flattens has not begun while another order rests, and is not of the units of before."""
    firm.propose(firm.order(Side.BUY, 10, "BBB"))
    firm.run(0.1)
    firm.command(SystemCommand(command=Command.HALT, reason="drill", operator="a person"), "risk")
    firm.run(0.1)
    firm.show("AAA", firm.prices["AAA"] / 2, action=CorporateAction(split=Decimal(2)))
    settle(firm)
    assert firm.crashes == {}
    assert firm.held("AAA") == firm.held("BBB") == 0
    assert firm.book.working == ()
    assert firm.heard(HaltStatus)[-1].stage is HaltStage.FLAT
