"""What the screen shows and what JSON holds."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from bus.messages import OrderStatus
from cli.render import print_chain, print_summary, to_json
from ops.explain import Chain, explain
from ops.ledger import Ledger
from ops.summary import summarize
from tests.ops.story import Bus, bar, decision, order, record, report, story


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A ledger of a story, in memory."""
    ledger = record(Ledger.create("sqlite://"), story(30))
    yield ledger
    ledger.engine.dispose()


def shown(what: Any, *, width: int = 160) -> str:
    """Print a chain or a summary as a terminal without colours would."""
    console = Console(file=io.StringIO(), width=width)
    (print_chain if isinstance(what, Chain) else print_summary)(what, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def positions(text: str, *words: str) -> list[int]:
    """Return where each word first stands; all must be there."""
    assert [word for word in words if word not in text] == []
    return [text.index(word) for word in words]


def test_a_chain_reads_from_the_fill_to_the_bar(ledger: Ledger) -> None:
    text = shown(explain(ledger, "SPY-3"))
    found = positions(
        text,
        *(
            "filled 10 at 102.7 on average",
            "bar 4: 4 at 102.1",
            "order SPY-3-1: BUY 10 SPY",
            "cost 8.5 = delay 2.5 + trading 5 + opportunity 0 + fees 1; adaptive, 2 child orders",
            "expected shortfall of a day at 97.5 %, 120 returns: historical 0.000% to 1.000% (+1.000%), filtered",
            "price_collar",
            "notional",
        ),
        *(
            "board SPY-3: BUY, edge over the band",
            "0.250 0.350 0.400 from prior 0.300 0.400 0.300",
            "abstains",
            "qstar",
        ),
        *("settled by bar 4: up", "bar SPY 3, 1970-01-04: open 100 high 110 low 99.5 close 103.25 volume 1000000"),
    )
    assert found == sorted(found)


def test_a_refusal_names_who_and_why(ledger: Ledger) -> None:
    text = shown(explain(ledger, "SPY-5"))
    assert "rejected by compliance: notional" in text
    assert "refuses" in text


def test_what_is_missing_is_said() -> None:
    bus, ledger = Bus(), Ledger.create("sqlite://")
    unknown = report(order("IBM", 2), 1, OrderStatus.ACCEPTED).model_copy(update={"verdicts": ()})
    record(ledger, [bus.stamp(decision("SPY", 1, "SPY-1-1"), "pads"), bus.stamp(unknown, "execution")])
    text = shown(explain(ledger, "SPY-1"))
    positions(text, "order SPY-1-1: nothing more of it in the ledger", "not settled yet", "bar: not in the ledger")
    positions(shown(explain(ledger, "IBM-2-1")), "no verdicts in the ledger", "board: no decision in the ledger")
    record(ledger, [bus.stamp(decision("SPY", 2), "pads"), bus.stamp(bar("SPY", 2), "market")])
    assert "no order" in shown(explain(ledger, "SPY-2"))
    ledger.engine.dispose()


def test_brackets_in_what_agents_say_are_no_markup(ledger: Ledger) -> None:
    chain = explain(ledger, "SPY-2")
    assert chain.decision is not None
    odd = chain.decision.model_copy(update={"choice_reason": "[red]no[/] [/blue]"})
    assert "[red]no[/] [/blue]" in shown(chain.model_copy(update={"decision": odd}))


def test_a_bar_within_a_day_shows_its_time(ledger: Ledger) -> None:
    chain = explain(ledger, "SPY-2")
    assert chain.bar is not None
    minute = chain.bar.model_copy(update={"opened_ns": 1_222_000_000_000_000_000 + 60_000_000_000})
    assert "bar SPY 2, 2008-09-21 12:27:40 UTC" in shown(chain.model_copy(update={"bar": minute}))


def test_a_chain_as_json_keeps_decimals_exact(ledger: Ledger) -> None:
    data = json.loads(json.dumps(to_json(explain(ledger, "SPY-3"))))
    assert data["bar"]["close"] == "103.25"
    assert data["decision"]["action"] == "BUY"
    assert data["decision"]["members"][0]["belief"] is None
    assert data["orders"][0]["trade"]["average_price"] == "102.7"
    assert [verdict["rule"] for verdict in data["orders"][0]["verdicts"]] == ["price_collar", "notional", "shortfall"]
    assert data["settlement"]["outcome"] == "up"


def test_a_summary_shows_every_figure(ledger: Ledger) -> None:
    text = shown(summarize(ledger))
    positions(
        text,
        *("IBM, SPY", "1970-01-01 to 1970-01-30", "60, of them 60 with a quorum, 58 settled", "4 BUY, 56 HOLD"),
        *("2 filled, 2 rejected", "2 of 4 fills, fees 0.20", "compliance notional", "-0.58%", "buy and hold"),
        *("too few rounds", "blocks of 3.9 rounds on average", "messages to the ledger were lost for good (gaps: 1)"),
    )


def test_an_empty_summary_shows_that_there_is_nothing() -> None:
    ledger = Ledger.create("sqlite://")
    text = shown(summarize(ledger))
    positions(text, "0, of them 0 with a quorum, 0 settled", "none")
    assert "refusals" not in text
    assert "lack" not in text
    ledger.engine.dispose()


def test_a_summary_as_json(ledger: Ledger) -> None:
    data = json.loads(json.dumps(to_json(summarize(ledger))))
    assert data["rounds"] == 60
    assert Decimal(data["fees"]) == Decimal("0.20")
    assert data["firm"]["total_return"] < 0
    assert len(data["members"]) == 6
