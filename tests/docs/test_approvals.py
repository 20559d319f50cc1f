"""docs/approvals.md says what the gates sign, to the byte."""

import re
from decimal import Decimal
from typing import Final

from bus.approval import GATES, PREFIX, approve, statement
from bus.keys import GRACE_NS, Signer
from bus.messages import Order, Side, Urgency
from tests.docs.blocks import DOCS

SIGNER: Final = Signer("risk", [(0, bytes(range(32)))])
ORDER: Final = Order(
    order_id="SPX-7-o1",
    decision_id="SPX-7",
    symbol="SPX",
    side=Side.BUY,
    quantity=Decimal("12.50"),
    reference_price=Decimal("1402.25"),
    bar=7,
    urgency=Urgency.MEDIUM,
)
UNTIL_NS: Final = 1_700_000_000_000_000_000


def page() -> str:
    return (DOCS / "approvals.md").read_text(encoding="utf-8")


def test_the_statement_shown_is_what_is_signed() -> None:
    shown = "".join(re.findall(r"^    (.*\n)", page(), re.MULTILINE))
    expected = statement("risk", ORDER, UNTIL_NS).decode()
    assert expected in shown


def test_the_approval_shown_is_what_the_gate_gives() -> None:
    approval = approve(SIGNER, ORDER, UNTIL_NS, 0)
    shown = dict(re.findall(r"^\| `(gate|valid_until_ns|key|signature)` \| `?([\w]+)", page(), re.MULTILINE))
    assert shown == {
        "gate": approval.gate,
        "valid_until_ns": str(approval.valid_until_ns),
        "key": approval.key,
        "signature": approval.signature.hex(),
    }


def test_every_field_of_an_order_is_a_line_of_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \| `?([\w ]+)`? \|", page(), re.MULTILINE)
    assert [name for _, name in rows] == [PREFIX, "gate", "valid_until_ns", *Order.model_fields]
    assert [int(number) for number, _ in rows] == list(range(1, 12))


def test_gates_and_grace_are_those_of_the_code() -> None:
    assert [re.search(rf"^4 {gate}$|`{gate}`", page(), re.MULTILINE) is not None for gate in GATES] == [True, True]
    assert f"believed for {GRACE_NS // 10**9} s more" in page()
