"""What a disturbed run lost, doubled or changed: each planted in a ledger or a journal, and found."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bus.codec import encode
from bus.journal import Journal, Record, RecordType, read
from bus.message import Header, Message
from bus.messages import MarketUpdate, Order, OrderProposed, RiskAlert, Side
from bus.record import pack_output
from ops.compare import Comparable
from ops.schema import FACT_TABLES, compared_columns
from research.chaos.kind import Injection, Kind, Site, Step
from research.chaos.loss import Difference, Losses, first_round, ledger_losses, rounds_of, trail_losses
from research.chaos.planes import ALERT
from research.chaos.run import Played, charged
from research.chaos.trail import follow


def row(table: str, **fields: object) -> tuple[object, ...]:
    """A row of a table, with blanks where nothing is said."""
    columns = next(compared_columns(each) for each in FACT_TABLES if each.name == table)
    assert set(fields) <= {column.name for column in columns}
    return tuple(fields.get(column.name, "") for column in columns)


@pytest.fixture
def whole() -> Comparable:
    """A small ledger: two bars of two symbols, an order, an alert."""
    rows: Comparable = {table.name: [] for table in FACT_TABLES}
    rows["bars"] = [
        row("bars", symbol=symbol, bar=bar, opened_ns=1_000 + bar) for bar in (0, 1) for symbol in ("NDQ", "SPX")
    ]
    rows["decisions"] = [
        row("decisions", decision_id=f"SPX-{bar}", symbol="SPX", bar=bar, action="buy") for bar in (0, 1)
    ]
    rows["beliefs"] = [row("beliefs", decision_id="SPX-1", member="qar")]
    rows["risk_events"] = [row("risk_events", event_id="alert/risk/1", symbol="SPX", bar=1)]
    return rows


def changed(whole: Comparable, table: str, rows: list[tuple[object, ...]]) -> Comparable:
    return {**whole, table: rows}


def test_equal_ledgers_have_lost_nothing(whole: Comparable) -> None:
    assert ledger_losses(whole, {name: list(rows) for name, rows in whole.items()}) == Losses()


def test_a_row_that_is_gone_is_lost(whole: Comparable) -> None:
    found = ledger_losses(whole, changed(whole, "decisions", whole["decisions"][:1]))
    assert found == Losses(lost=(Difference("decisions SPX-1 SPX 1", ("SPX", 1)),))


def test_a_row_too_many_is_doubled_and_one_that_tells_of_a_gap_is_a_loss(whole: Comparable) -> None:
    more = [*whole["decisions"], row("decisions", decision_id="SPX-2", symbol="SPX", bar=2)]
    gap = row("system_events", event_id="gap/pads/DECISION_MADE/1-1", kind="gap", subject="pads")
    found = ledger_losses(whole, {**whole, "decisions": more, "system_events": [gap]})
    assert [each.what for each in found.duplicated] == ["decisions SPX-2 SPX 2"]
    assert [each.what for each in found.lost] == ["system_events gap/pads/DECISION_MADE/1-1"]
    assert found.changed == ()


def test_another_value_is_a_change_and_is_named(whole: Comparable) -> None:
    other = [whole["decisions"][0], row("decisions", decision_id="SPX-1", symbol="SPX", bar=1, action="sell")]
    found = ledger_losses(whole, changed(whole, "decisions", other))
    assert found == Losses(changed=(Difference("decisions SPX-1 SPX 1: action buy != sell", ("SPX", 1)),))


def test_an_alert_that_a_fault_raised_must_be_there_once(whole: Comparable) -> None:
    raised = row("risk_events", event_id="alert/market/1", symbol=ALERT)
    with_it = changed(whole, "risk_events", [*whole["risk_events"], raised])
    assert ledger_losses(whole, with_it, ["alert/market/1"]) == Losses()
    assert len(ledger_losses(whole, with_it).duplicated) == 1
    lost = ledger_losses(whole, whole, ["alert/market/1"])
    assert lost == Losses(lost=(Difference("risk_events alert/market/1"),))


def test_the_first_round_that_went_wrong_is_found_in_bars_and_in_ids(whole: Comparable) -> None:
    rounds = rounds_of(whole)
    assert rounds == {("NDQ", 0): 0, ("SPX", 0): 1, ("NDQ", 1): 2, ("SPX", 1): 3}
    no_belief = ledger_losses(whole, changed(whole, "beliefs", []))
    assert first_round(rounds, no_belief.all) == 3
    assert first_round(rounds, [Difference("x")]) is None
    assert first_round(rounds, [Difference("x", ("SPX", 1)), Difference("y", ("NDQ", 0))]) == 0


def played(*rounds: int) -> tuple[Played, ...]:
    step = Step((Injection(Kind.KILL, "pads"),), 2, Site.EMBEDDED)
    return tuple(Played(step, 1, number, 0.5) for number in rounds)


@pytest.mark.parametrize(("first", "guilty"), [(None, 2), (0, 0), (4, 0), (19, 1), (25, 1), (90, 2)])
def test_a_loss_is_charged_to_the_fault_in_force_before_it(first: int | None, guilty: int) -> None:
    losses = Losses(lost=(Difference("x"),))
    found = charged(played(5, 20, 40), losses, first)
    assert [each.losses for each in found] == [losses if place == guilty else Losses() for place in range(3)]


def test_nothing_lost_is_charged_to_nobody() -> None:
    assert charged(played(5, 20), Losses(), 3) == played(5, 20)


def framed(message: Message, number: int, *, sequence: int = 0, sender: str = "market", about: str = "c") -> bytes:
    to = None if sequence else "risk"
    header = Header(f"{sender}:{number}", about, "", message.KIND, sender, to, sequence, 1_000_000, 0, 1)
    return encode(header, message)


def bar() -> MarketUpdate:
    one = Decimal(1)
    return MarketUpdate(symbol="SPX", bar=1, opened_ns=0, open=one, high=one, low=one, close=one, volume=one)


def proposal() -> OrderProposed:
    one = Decimal(1)
    return OrderProposed(
        order=Order(
            order_id="SPX-1", decision_id="SPX-1", symbol="SPX", side=Side.BUY, quantity=one, reference_price=one, bar=1
        ),
        portfolio_version=1,
    )  # fmt: skip


def journal(folder: Path, *records: tuple[RecordType, bytes]) -> Iterator[Record]:
    with Journal.open(folder / "risk", "risk") as written:
        for kind, payload in records:
            written.append(kind, 3_000_000, payload)
    return read(folder / "risk")


def test_a_journal_in_order_tells_of_nothing(tmp_path: Path) -> None:
    frames = [(RecordType.INPUT, framed(bar(), number, sequence=number)) for number in (1, 2, 3)]
    trail = follow(journal(tmp_path, *frames, (RecordType.INPUT, framed(proposal(), 9, sender="pads"))))
    assert trail.records == 4
    assert trail_losses({"risk": trail}) == Losses()


def test_what_a_journal_holds_twice_or_not_at_all_is_found(tmp_path: Path) -> None:
    frames = [(RecordType.INPUT, framed(bar(), number, sequence=number)) for number in (1, 2, 2, 5)]
    twice = (RecordType.INPUT, framed(proposal(), 9, sender="pads"))
    found = trail_losses({"risk": follow(journal(tmp_path, *frames, twice, twice))})
    assert [each.what for each in found.lost] == ["risk never handled MARKET_UPDATE/1 3 to 4 of market"]
    assert [each.what for each in found.duplicated] == [
        "risk handled MARKET_UPDATE/1 2 of market twice",
        "risk handled ORDER_PROPOSED/1 pads:9 twice",
    ]


def test_an_order_told_in_two_messages_is_doubled_and_one_message_told_again_is_not(tmp_path: Path) -> None:
    first, second = (framed(proposal(), number, sender="pads") for number in (1, 2))
    again = [(RecordType.OUTPUT, pack_output(number, frame)) for number, frame in ((1, first), (2, first))]
    assert follow(journal(tmp_path / "a", *again)).told_twice == ()
    doubled = [*again, (RecordType.OUTPUT, pack_output(3, second))]
    assert follow(journal(tmp_path / "b", *doubled)).told_twice == ("ORDER_PROPOSED/1 SPX-1",)


def test_how_long_an_alert_of_a_flood_took_is_read_from_the_journal(tmp_path: Path) -> None:
    alert = RiskAlert(symbol=ALERT, severity=0.0, source="market", reason="x")
    ours, other = framed(alert, 1, sequence=1, about=f"{ALERT}!1"), framed(alert, 2, sequence=2)
    assert follow(journal(tmp_path, (RecordType.INPUT, ours), (RecordType.INPUT, other))).alert_ms == (2.0,)
