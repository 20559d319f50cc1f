"""What the paper broker does with requests: latency, refusals, cancels, amendments, memory."""

import pytest

from bus.errors import Invalid
from bus.messages import OrderStatus, Side
from bus.plain import pack
from execution.paper import PaperBroker
from tests.execution.venue import DAY_NS, bar, child, dec, fills, paper, paper_config, quote, sent, shown, statuses

BUY, SELL = Side.BUY, Side.SELL


def test_bars_of_latency_are_bars_without_a_fill() -> None:
    broker = paper(latency_bars=2)
    sent(broker, child())
    assert [len(shown(broker, bar(number))) for number in (1, 2, 3)] == [0, 0, 1]


@pytest.mark.parametrize(("side", "price"), [(BUY, "105.105"), (SELL, "94.905")])
def test_an_order_that_comes_after_the_open_gets_the_worst_of_the_bar(side: Side, price: str) -> None:
    broker = paper(latency_ms=1)
    sent(broker, child(side=side))
    assert fills(shown(broker, bar(1, "100", high="105", low="95"))) == [("100", price)]


def test_an_order_that_rests_already_fills_at_the_open() -> None:
    broker = paper(latency_ms=1)
    sent(broker, child(quantity="1500"))
    assert fills(shown(broker, bar(1, "100", high="105"))) == [("1000", "105.105")]
    assert fills(shown(broker, bar(2, "100", high="105"))) == [("500", "100.1")]


def test_a_latency_beyond_a_bar_misses_it() -> None:
    broker = paper(latency_ms=60_000)
    sent(broker, child())
    assert shown(broker, bar(1, high="105")) == []
    assert fills(shown(broker, bar(2, high="105"))) == [("100", "100.1")]


def test_an_order_sent_before_a_pause_is_there_when_it_ends() -> None:
    broker = paper(latency_ms=500)
    broker.on_bar(bar(1))
    sent(broker, child(sent=1))
    night = bar(2, high="105").model_copy(update={"opened_ns": 17 * 3_600 * 10**9})
    assert fills(shown(broker, night)) == [("100", "100.1")]


def test_daily_bars_open_long_after_the_order_came() -> None:
    broker = PaperBroker(paper_config(latency_ms=500))
    broker.on_bar(bar(0, step_ns=DAY_NS))
    sent(broker, child())
    assert fills(shown(broker, bar(1, high="105", step_ns=DAY_NS))) == [("100", "100.1")]


def test_a_late_order_does_not_see_the_quote_of_the_open() -> None:
    broker = paper(latency_ms=1)
    sent(broker, child())
    assert fills(shown(broker, bar(1, high="105", quote=quote("99", "101")))) == [("100", "105.105")]


def test_the_venue_refuses_as_often_as_it_is_told_to() -> None:
    broker = paper(reject_rate=0.25)
    answers = [sent(broker, child(f"bd-o{n}-1"))[0].status for n in range(400)]
    assert answers.count(OrderStatus.REFUSED) == 102
    again = paper(reject_rate=0.25)
    assert [sent(again, child(f"bd-o{n}-1"))[0].status for n in reversed(range(400))] == answers[::-1]


def test_what_cannot_be_priced_is_refused() -> None:
    broker = paper()
    (unknown,) = sent(broker, child("c1", symbol="IBM"))
    (huge,) = sent(broker, child("c2", "1E+999"))
    (odd,) = sent(broker, child("c3", limit="NaN"))
    assert statuses([unknown, huge, odd]) == ["refused"] * 3
    assert unknown.reason == "no bar of IBM was seen: it cannot be priced"
    assert huge.reason.startswith("quantity is 1E+999")
    assert odd.reason.startswith("limit price is NaN")


def test_a_cancel_loses_to_the_fills_of_the_next_bar() -> None:
    broker = paper()
    sent(broker, child(quantity="1500"))
    broker.cancel("bd-o1-1")
    assert broker.events() == []
    assert broker.account().working == {"bd-o1-1": dec(1500)}
    assert statuses(shown(broker, bar(1))) == ["partial", "cancelled"]
    assert broker.account() == ({}, {"SPX": dec(1000)})


def test_a_cancel_that_always_wins_leaves_nothing_to_fill() -> None:
    broker = paper(cancel_race=0.0)
    sent(broker, child())
    broker.cancel("bd-o1-1")
    assert statuses(shown(broker, bar(1))) == ["cancelled"]
    assert broker.account() == ({}, {})


def test_a_race_is_decided_by_the_seed_and_not_by_what_else_happens() -> None:
    won = []
    for others in (False, True):
        broker = paper(cancel_race=0.5, max_volume_share="1")
        for number in range(40):
            sent(broker, child(f"c{number}", "1"))
            if not (others and number % 2):
                broker.cancel(f"c{number}")
        ends = {event.client_order_id: event.status.value for event in shown(broker, bar(1))}
        won.append({name: end for name, end in ends.items() if int(name[1:]) % 2 == 0})
    assert won[0] == won[1]
    assert sorted(won[0].values()).count("cancelled") == 9


def test_an_amended_order_fills_at_its_new_quantity() -> None:
    broker = paper()
    sent(broker, child(quantity="2500"))
    broker.amend("bd-o1-1", dec(1200))
    assert fills(shown(broker, bar(1))) == [("1000", "100.1")]
    assert broker.account().working == {"bd-o1-1": dec(200)}
    assert [(str(e.quantity), e.status.value) for e in shown(broker, bar(2))] == [("200", "filled")]


def test_an_amendment_that_comes_too_late_ends_the_order_at_what_it_filled() -> None:
    broker = paper()
    sent(broker, child(quantity="2500"))
    broker.amend("bd-o1-1", dec(400))
    partial, cancelled = shown(broker, bar(1))
    assert (partial.quantity, cancelled.status) == (dec(1000), OrderStatus.CANCELLED)
    assert cancelled.reason == "amended to the 1000 units filled"


def test_an_order_can_be_amended_upwards() -> None:
    broker = paper(cancel_race=0.0)
    sent(broker, child(quantity="10"))
    broker.amend("bd-o1-1", dec(25))
    assert fills(shown(broker, bar(1))) == [("25", "100.1")]


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "1E+16"])
def test_an_amendment_to_nothing_is_refused(quantity: str) -> None:
    broker = paper()
    sent(broker, child())
    before = pack(broker.snapshot())
    with pytest.raises(Invalid, match="quantity"):
        broker.amend("bd-o1-1", dec(quantity))
    assert pack(broker.snapshot()) == before


def test_an_id_trades_once_however_late_it_comes_again() -> None:
    broker = paper(memory_bars=5)
    order = child()
    sent(broker, order)
    answers = []
    for number in range(1, 12):
        answers += shown(broker, bar(number))
        answers += sent(broker, order)
    assert statuses(answers) == ["filled", "refused"]
    assert answers[1].reason == "sent on bar 0, and bar 6 is now: too old to know whether it traded before"
    assert broker.account().positions == {"SPX": dec(100)}


def test_what_is_remembered_is_bounded() -> None:
    broker = paper(memory_bars=5, expire_bars=2)
    sizes = []
    for number in range(1, 200):
        sent(broker, child(f"bd-o{number}-1", sent=number - 1))
        sent(broker, child(f"bd-u{number}-1", symbol=f"U{number % 7}"))
        broker.on_bar(bar(number))
        sizes.append(len(pack(broker.snapshot()["lanes"])))
    assert max(sizes[10:]) <= sizes[10] + 50
    for number in range(2_000):
        sent(broker, child(f"bd-v{number}-1", symbol="UNSEEN"))
    assert len(broker.snapshot()["unpriced"]) == 1_024
