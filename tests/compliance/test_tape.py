"""Recent closes, contiguous and exact."""

from decimal import Decimal

from bus.plain import pack, unpack
from compliance.tape import Tape
from tests.gates.driver import bar_of


def taped(*closes: str, capacity: int = 3) -> Tape:
    tape = Tape(capacity)
    for bar, close in enumerate(closes):
        tape.append(bar_of("AAA", bar, close))
    return tape


def test_it_keeps_the_newest_closes_exactly() -> None:
    tape = taped("1.10", "1.20", "1.30", "1.40")
    assert (len(tape), tape.bar) == (3, 3)
    assert [tape.close(bar) for bar in range(5)] == [None, Decimal("1.20"), Decimal("1.30"), Decimal("1.40"), None]


def test_a_missing_bar_starts_it_anew_and_an_old_one_changes_nothing() -> None:
    tape = taped("1", "2")
    tape.append(bar_of("AAA", 1, "9"))
    assert tape.close(1) == Decimal(2)
    tape.append(bar_of("AAA", 3, "4"))
    assert [len(tape), tape.close(1), tape.close(3)] == [1, None, Decimal(4)]


def test_after_a_loss_nothing_is_held_but_the_place() -> None:
    tape = taped("1", "2")
    tape.clear()
    assert [len(tape), tape.bar, tape.close(1)] == [0, 1, None]


def test_a_new_bar_begins_a_new_count_of_orders() -> None:
    tape = taped("1", "2")
    tape.orders = 2
    tape.append(bar_of("AAA", 1, "2"))
    assert tape.orders == 2
    tape.append(bar_of("AAA", 2, "2"))
    assert tape.orders == 0


def test_a_restored_tape_goes_on_alike() -> None:
    tape = taped("1", "2", "3")
    tape.orders = 1
    other = Tape(3)
    other.restore(unpack(pack(tape.snapshot())))
    assert other.snapshot() == tape.snapshot()
    for each in (tape, other):
        each.append(bar_of("AAA", 3, "4"))
    assert other.snapshot() == tape.snapshot() == [3, 0, [Decimal(2), Decimal(3), Decimal(4)]]
