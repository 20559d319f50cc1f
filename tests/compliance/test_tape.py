"""Recent bars, contiguous and exact, and the account of those that never came."""

from decimal import Decimal

from bus.plain import pack, unpack
from compliance.tape import Tape
from tests.gates.driver import DAY_NS, bar_of

HOUR_NS = 3_600 * 1_000_000_000


def taped(*closes: str, capacity: int = 3) -> Tape:
    tape = Tape(capacity, 4)
    for bar, close in enumerate(closes):
        tape.append(bar_of("AAA", bar, close))
    return tape


def test_it_keeps_the_newest_bars_exactly() -> None:
    tape = taped("1.10", "1.20", "1.30", "1.40")
    assert (len(tape), tape.bar) == (3, 3)
    assert [tape.close(bar) for bar in range(5)] == [None, Decimal("1.20"), Decimal("1.30"), Decimal("1.40"), None]
    assert [tape.opened_ns(bar) for bar in range(5)] == [None, DAY_NS, 2 * DAY_NS, 3 * DAY_NS, None]


def test_a_missing_bar_starts_it_anew_and_an_old_one_changes_nothing() -> None:
    tape = taped("1", "2")
    tape.append(bar_of("AAA", 1, "9"))
    assert tape.close(1) == Decimal(2)
    tape.append(bar_of("AAA", 3, "4"))
    assert [len(tape), tape.close(1), tape.close(3)] == [1, None, Decimal(4)]


def test_missing_bars_are_counted_as_far_as_it_looks_back() -> None:
    tape = taped("1")
    assert (tape.numbered, tape.missing, tape.has_holes) == (1, 0, False)
    tape.append(bar_of("AAA", 3, "1"))
    assert (tape.numbered, tape.missing, tape.has_holes) == (4, 2, True)
    counts = []
    for bar in (4, 5, 6):
        tape.append(bar_of("AAA", bar, "1"))
        counts.append((tape.numbered, tape.missing, tape.has_holes))
    assert counts == [(4, 2, True), (4, 1, True), (4, 0, False)]


def test_what_came_before_its_first_bar_is_not_missing() -> None:
    tape = Tape(3, 100)
    assert (tape.numbered, tape.missing) == (0, 0)
    tape.append(bar_of("AAA", 40, "1"))
    tape.append(bar_of("AAA", 41, "1"))
    assert (tape.numbered, tape.missing) == (2, 0)


def test_the_length_of_a_bar_is_the_least_distance_of_two_that_follow_each_other() -> None:
    tape = Tape(3, 4)
    lengths = []
    for bar, hour in ((0, 0), (1, 72), (2, 95), (3, 119), (5, 120), (6, 121)):
        tape.append(bar_of("AAA", bar, "1", hour * HOUR_NS))
        lengths.append((tape.length_ns // HOUR_NS, tape.is_daily))
    assert lengths == [(0, False), (72, True), (23, True), (23, True), (23, True), (1, False)]


def test_after_a_loss_nothing_is_held_but_the_place() -> None:
    tape = taped("1", "2")
    tape.clear()
    assert [len(tape), tape.bar, tape.close(1), tape.opened_ns(1)] == [0, 1, None, None]


def test_a_new_bar_begins_a_new_count_of_orders() -> None:
    tape = taped("1", "2")
    tape.orders = 2
    tape.append(bar_of("AAA", 1, "2"))
    assert tape.orders == 2
    tape.append(bar_of("AAA", 2, "2"))
    assert tape.orders == 0


def test_a_restored_tape_goes_on_alike() -> None:
    tape = taped("1", "2", "3")
    tape.append(bar_of("AAA", 4, "5"))
    tape.orders = 1
    other = Tape(3, 4)
    other.restore(unpack(pack(tape.snapshot())))
    assert other.snapshot() == tape.snapshot()
    for each in (tape, other):
        each.append(bar_of("AAA", 5, "4"))
    assert (other.missing, other.length_ns) == (tape.missing, tape.length_ns) == (1, DAY_NS)
    days = [4 * DAY_NS, 5 * DAY_NS]
    assert other.snapshot() == tape.snapshot() == [5, 0, DAY_NS, 0, [Decimal(5), Decimal(4)], days, [[3, 3]]]
