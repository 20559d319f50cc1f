"""Each fault does what it is named for, as often as asked, and leaves the rest alone."""

import pytest

from bus.messages import OrderStatus, Side
from bus.plain import pack, unpack
from execution.faulty import SILENT_BARS, Fault, FaultyBroker
from execution.paper import PaperBroker
from tests.execution.venue import bar, child, dec, paper_config, quote, sent, shown, statuses


def faulty(faults: dict[Fault, float], seed: int = 1, **changes: object) -> FaultyBroker:
    """A paper venue that has seen a bar, behind faults."""
    broker = PaperBroker(paper_config(**changes))
    broker.on_bar(bar(0))
    return FaultyBroker(broker, faults, seed)


def test_a_silent_broker_gives_no_account_and_tells_it_all_later() -> None:
    broker = faulty({Fault.SILENCE: 1.0})
    assert statuses(sent(broker, child(quantity="1500"))) == ["accepted"]
    assert broker.account() is not None
    for number in range(1, 8):
        assert shown(broker, bar(number)) == []
        assert (broker.account(), broker.charges(), broker.is_silent) == (None, [], True)
    assert broker.broker.account() == ({}, {"SPX": dec(1500)})


def test_a_silence_ends_after_its_bars() -> None:
    first = next(n for n in range(99) if _silences(n) == [1])
    broker = faulty({Fault.SILENCE: 0.2}, seed=first)
    broker.submit(child())
    told = [statuses(shown(broker, bar(number))) for number in range(1, 6)]
    assert told == [[]] * SILENT_BARS + [["accepted", "filled"], []]


def _silences(seed: int) -> list[int]:
    broker = faulty({Fault.SILENCE: 0.2}, seed)
    began = []
    for number in range(1, 8):
        before = broker._silent_until
        broker.on_bar(bar(number))
        if broker._silent_until > before:
            began.append(number)
    return began


def test_an_echo_is_the_same_event_with_the_next_answer() -> None:
    broker = faulty({Fault.ECHO: 1.0})
    (accepted,) = sent(broker, child())
    again, fill = shown(broker, bar(1))
    assert again == accepted
    assert fill.fill_id == "bd-o1-1:1"
    assert shown(broker, bar(2)) == [fill]
    assert shown(broker, bar(3)) == []
    assert broker.account() == ({}, {"SPX": dec(100)})


def test_a_lost_cancel_never_arrives() -> None:
    broker = faulty({Fault.LOST_CANCEL: 1.0}, cancel_race=0.0)
    sent(broker, child(quantity="2500"))
    told = []
    for number in range(1, 4):
        broker.cancel("bd-o1-1")
        told += shown(broker, bar(number))
    assert statuses(told) == ["partial", "partial", "filled"]


def test_of_cancels_lost_by_half_one_arrives_in_the_end() -> None:
    broker = faulty({Fault.LOST_CANCEL: 0.5}, cancel_race=0.0, expire_bars=100)
    for number in range(20):
        sent(broker, child(f"c{number}", "9", limit="1"))
    asked = []
    while account := broker.account():
        if not account.working:
            break
        for name in account.working:
            broker.cancel(name)
        asked.append(len(account.working))
        shown(broker, bar(len(asked)))
    assert asked[:3] == [20, 7, 4]


def test_a_fill_can_come_after_the_word_that_the_order_is_cancelled() -> None:
    broker = faulty({Fault.FILL_AFTER_CANCEL: 1.0}, cancel_race=0.0)
    sent(broker, child(quantity="2500"))
    broker.cancel("bd-o1-1")
    assert statuses(broker.events()) == ["cancelled"]
    account = broker.account()
    assert account is not None
    assert list(account.working) == ["bd-o1-1"]
    assert statuses(shown(broker, bar(1))) == ["partial"]
    assert shown(broker, bar(2)) == []
    assert broker.account() == ({}, {"SPX": dec(1000)})


def test_an_order_that_was_said_to_be_cancelled_may_fill_whole() -> None:
    broker = faulty({Fault.FILL_AFTER_CANCEL: 1.0})
    sent(broker, child())
    broker.cancel("bd-o1-1")
    broker.cancel("bd-o1-1")
    assert statuses(broker.events() + shown(broker, bar(1)) + shown(broker, bar(2))) == ["cancelled", "filled"]


def test_a_stranger_is_told_and_not_held() -> None:
    broker = faulty({Fault.STRANGER: 1.0})
    (event,) = shown(broker, bar(1, "105"))
    assert (event.client_order_id, event.status, event.quantity) == ("stranger-SPX-1", OrderStatus.FILLED, dec(1))
    assert (event.price, event.fill_id, event.symbol, event.side) == (dec(105), "stranger-SPX-1:1", "SPX", Side.BUY)
    assert broker.account() == ({}, {})


def test_a_phantom_is_held_and_not_told() -> None:
    broker = faulty({Fault.PHANTOM: 1.0})
    sent(broker, child(side=Side.SELL, quantity="2"))
    assert statuses(shown(broker, bar(1))) == ["filled"]
    assert broker.account() == ({}, {"SPX": dec(-1)})
    assert shown(broker, bar(2)) == []
    assert broker.account() == ({}, {})


def test_a_refused_order_stays_refused() -> None:
    broker = faulty({Fault.REFUSAL: 1.0})
    assert statuses(sent(broker, child())) == ["refused"]
    assert sent(broker, child()) == []
    assert shown(broker, bar(1)) == []
    assert broker.account() == ({}, {})


def test_a_delayed_order_arrives_a_bar_late_and_once() -> None:
    broker = faulty({Fault.DELAY: 1.0})
    assert sent(broker, child()) == []
    broker.on_bar(bar(0, symbol="IBM"))
    assert sent(broker, child()) == []
    assert broker.account() == ({}, {})
    assert statuses(shown(broker, bar(1))) == ["accepted"]
    assert statuses(shown(broker, bar(2))) == ["filled"]
    assert broker.account() == ({}, {"SPX": dec(100)})


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_comes_as_often_as_asked_and_again_with_the_same_seed(fault: Fault) -> None:
    stories = [_story(faulty({fault: rate}, seed)) for rate, seed in ((0.0, 1), (0.5, 1), (0.5, 1), (0.5, 2))]
    assert stories[0] == _story(faulty({}))
    assert stories[1] == stories[2]
    assert len({repr(story) for story in stories}) == 3


def _story(broker: FaultyBroker) -> list[object]:
    story: list[object] = []
    for number in range(1, 30):
        broker.submit(child(f"bd-o{number}-1", "1500", sent=number - 1))
        broker.cancel(f"bd-o{number - 1}-1")
        story += [*shown(broker, bar(number)), broker.account()]
    return story


def test_a_restored_line_fails_on_the_same() -> None:
    faults = dict.fromkeys(Fault, 0.3)
    broker, copy = faulty(faults), faulty(faults)
    for number in range(1, 60):
        copy.restore(unpack(pack(broker.snapshot())))
        for each in (broker, copy):
            each.submit(
                child(f"bd-o{number}-1", str(90 * number % 1700 + 1), side=list(Side)[number % 2], sent=number - 1)
            )
            each.cancel(f"bd-o{number - 1}-1")
            each.amend(f"bd-o{number - 2}-1", dec(40 * number))
            each.on_bar(bar(number, str(100 + number % 7), quote=quote("99", "101")))
        assert broker.account() == copy.account()
        if number % 3:
            assert (broker.events(), broker.charges()) == (copy.events(), copy.charges())
        assert pack(copy.snapshot()) == pack(broker.snapshot())
