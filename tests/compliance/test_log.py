"""The log of violations: what a life may look like, and that nobody can change what was written."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import ComplianceViolation, Severity, ViolationStatus
from bus.plain import pack, unpack
from compliance.log import GENESIS, TRANSITIONS, Finding, Log, broken, digest

OPEN, INVESTIGATING, REMEDIATED, CLOSED = ViolationStatus
WAYS = {OPEN: (), INVESTIGATING: (INVESTIGATING,), REMEDIATED: (REMEDIATED,), CLOSED: (REMEDIATED, CLOSED)}
STEPS = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(ViolationStatus) | st.none()), max_size=40)
FINDING = Finding(
    rule_id="POS_001", rule="position_weight", severity=Severity.SERIOUS, symbol="AAA", bar=7, order_id=None,
    value=0.101, limit=0.1, unit="of equity", detail="worth 10100", remedy="shrink the position",
)  # fmt: skip


def story() -> tuple[Log, list[ComplianceViolation]]:
    """Two violations, one lived to its end."""
    log = Log(10)
    entries = [log.open(FINDING), log.open(FINDING._replace(order_id="o1", value=None, limit=None))]
    for status in (INVESTIGATING, REMEDIATED, CLOSED):
        entries += log.move("V1", status, "Ada", f"she says {status.value}")
    return log, entries


def test_a_violation_from_its_opening_to_its_end() -> None:
    log, entries = story()
    assert [(each.entry, each.violation_id, each.status, each.operator) for each in entries] == [
        *((1, "V1", OPEN, ""), (2, "V2", OPEN, "")),
        *((3, "V1", INVESTIGATING, "Ada"), (4, "V1", REMEDIATED, "Ada"), (5, "V1", CLOSED, "Ada")),
    ]
    assert (entries[0].value, entries[0].limit, entries[0].rule_id, entries[0].previous) == (
        0.101,
        0.1,
        "POS_001",
        GENESIS,
    )
    assert (log.status("V1"), log.status("V2"), len(log), log.pending) == (None, OPEN, 1, 1)
    assert (log.entries, log.head, log.opened) == (5, entries[-1].digest, 2)
    assert broken(entries) == broken([]) == ""


def test_the_digest_is_the_one_the_documentation_describes() -> None:
    """Written down once, so that another program can check a ledger of today."""
    assert digest(Log(1).open(FINDING)) == ("0d410f9fbdb69e925e390805123154944e8a4ec16d955c5b5512937dc3939497")


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ViolationStatus, repeat=2)))
def test_only_legal_transitions(first: ViolationStatus, second: ViolationStatus) -> None:
    log = Log(10)
    log.open(FINDING)
    for status in WAYS[first]:
        log.move("V1", status, "", "")
    legal = {(OPEN, INVESTIGATING), (OPEN, REMEDIATED), (INVESTIGATING, REMEDIATED), (REMEDIATED, CLOSED)}
    assert {(each, to) for each, tos in TRANSITIONS.items() for to in tos} == legal
    if (first, second) in legal:
        (entry,) = log.move("V1", second, "Ada", "why")
        assert (entry.status, entry.detail) == (second, "why")
        return
    entries, head = log.entries, log.head
    with pytest.raises(ValueError, match="V1 is"):
        log.move("V1", second, "Ada", "why")
    assert (log.entries, log.head) == (entries, head)


def _changes(entry: ComplianceViolation) -> Iterator[dict[str, Any]]:
    for name, value in entry:
        match value:
            case None:
                yield {name: 0.5 if name in ("value", "limit") else "o9"}
            case Severity():
                yield {name: Severity.WARNING}
            case ViolationStatus():
                yield {name: CLOSED if value is not CLOSED else OPEN}
            case int():
                yield {name: value + 1}
            case float():
                yield {name: value * (1 + 2**-52)}
                yield {name: None}
            case str() if name in ("previous", "digest"):
                yield {name: ("1" if value[0] == "0" else "0") + value[1:]}
            case str():
                yield {name: f"{value} "}


def test_any_changed_field_of_any_entry_is_found_there() -> None:
    _, entries = story()
    for place, entry in enumerate(entries):
        for change in _changes(entry):
            forged = [*entries[:place], entry.model_copy(update=change), *entries[place + 1 :]]
            assert broken(forged).startswith(f"entry {place + 1} "), change


def test_an_entry_moved_left_out_or_put_in_is_found() -> None:
    _, entries = story()
    assert broken(entries[1:]) == "entry 1 is missing: 2 comes in its place"
    assert broken([*entries[:2], *entries[3:]]) == "entry 3 is missing: 4 comes in its place"
    assert broken([entries[0], entries[2], entries[1], *entries[3:]]) == "entry 2 is missing: 3 comes in its place"
    forged = entries[1].model_copy(update={"detail": "harmless"})
    forged = forged.model_copy(update={"digest": digest(forged)})
    assert broken([entries[0], forged, *entries[2:]]) == "entry 3 (V1) is not chained to the one before it"


def test_two_entries_that_read_alike_side_by_side_have_different_digests() -> None:
    one = Log(1).open(FINDING._replace(detail="a", remedy="b c"))
    other = Log(1).open(FINDING._replace(detail="a b", remedy="c"))
    absent, dash = Log(1).open(FINDING._replace(order_id=None)), Log(1).open(FINDING._replace(order_id="-"))
    assert len({each.digest for each in (one, other, absent, dash)}) == 4


def test_the_oldest_remediated_ones_close_by_themselves() -> None:
    log = Log(2)
    for number in range(1, 4):
        log.open(FINDING)
        entries = log.move(f"V{number}", REMEDIATED, "", "the order was refused")
    assert [(each.violation_id, each.status) for each in entries] == [("V3", REMEDIATED), ("V1", CLOSED)]
    assert entries[-1].detail == "nobody closed it while 2 later ones were remediated"
    assert (log.status("V1"), log.status("V2"), len(log)) == (None, REMEDIATED, 2)
    assert log.pending == 0


def test_with_fewer_remembered_than_before_all_that_is_too_much_closes_at_once() -> None:
    log = Log(5_000)
    for number in range(1, 2_001):
        log.open(FINDING)
        log.move(f"V{number}", REMEDIATED, "", "")
    other = Log(2)
    other.restore(log.snapshot())
    other.open(FINDING)
    assert len(other.move("V2001", REMEDIATED, "", "")) == 2_000
    assert len(other) == 2


@settings(deadline=None, max_examples=50)
@given(STEPS, st.integers(0, 40))
def test_whatever_happens_the_chain_is_whole_the_state_bounded_and_a_restored_log_goes_on_alike(
    steps: list[tuple[int, ViolationStatus | None]], cut: int
) -> None:
    log, entries = Log(2), []
    for place, (number, status) in enumerate(steps):
        if place == cut:
            other = Log(2)
            other.restore(unpack(pack(log.snapshot())))
            assert other.snapshot() == log.snapshot()
            log = other
        if status is None:
            entries.append(log.open(FINDING))
        elif log.status(f"V{number}") is not None and status in TRANSITIONS[log.status(f"V{number}") or CLOSED]:
            entries += log.move(f"V{number}", status, "Ada", "why")
    assert broken(entries) == ""
    assert len(log) - log.pending <= 2
    last = {each.violation_id: each.status for each in entries}
    assert {violation_id: log.status(violation_id) for violation_id in last} == {
        violation_id: None if status is CLOSED else status for violation_id, status in last.items()
    }
