"""Who owns which symbol: the highest score of those there, so that only the symbols of one who goes ever move."""

from collections import Counter
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import AgentEntry
from pads.roster import Roster, ranked, replicas_of

SEAT = "qbmia"
TRIO = ("qbmia", "qbmia-2", "qbmia-3")
SYMBOLS = [f"S{number}" for number in range(200)]
names = st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=2, max_size=6, unique=True)


def owners(roster: Roster, symbols: list[str] = SYMBOLS) -> dict[str, str]:
    return {symbol: roster.owner(SEAT, symbol) for symbol in symbols}


def test_the_ranks_are_those_of_blake2b_of_symbol_and_name() -> None:
    digests = {name: blake2b(b"SPX\0" + name.encode(), digest_size=8).hexdigest() for name in TRIO}
    assert ranked("SPX", TRIO) == tuple(sorted(TRIO, key=digests.__getitem__, reverse=True))
    assert ranked("SPX", TRIO) == ("qbmia-3", "qbmia-2", "qbmia")


def test_symbols_are_spread_about_evenly() -> None:
    assert Counter(owners(Roster({SEAT: TRIO})).values()) == {"qbmia": 67, "qbmia-2": 67, "qbmia-3": 66}


@settings(max_examples=50, deadline=None)
@given(names, st.data())
def test_only_the_symbols_of_one_who_leaves_move_and_they_come_back(replicas: list[str], data: st.DataObject) -> None:
    roster = Roster({SEAT: replicas})
    leaver = data.draw(st.sampled_from(replicas))
    before = owners(roster)
    roster.miss(leaver)
    after = owners(roster)
    assert [symbol for symbol in SYMBOLS if before[symbol] != after[symbol]] == [
        symbol for symbol in SYMBOLS if before[symbol] == leaver
    ]
    assert leaver not in after.values()
    roster.hear(leaver)
    assert owners(roster) == before


@settings(max_examples=50, deadline=None)
@given(names, st.text("xyz", min_size=1, max_size=6))
def test_one_who_joins_takes_symbols_and_gives_none(replicas: list[str], joins: str) -> None:
    before, after = owners(Roster({SEAT: replicas})), owners(Roster({SEAT: [*replicas, joins]}))
    assert {after[symbol] for symbol in SYMBOLS if before[symbol] != after[symbol]} <= {joins}


@settings(max_examples=30, deadline=None)
@given(st.permutations(TRIO))
def test_the_order_of_the_configuration_does_not_matter(order: list[str]) -> None:
    assert owners(Roster({SEAT: order})) == owners(Roster({SEAT: TRIO}))


def test_with_nobody_there_the_strongest_claim_stands() -> None:
    roster = Roster({SEAT: TRIO})
    before = owners(roster)
    for name in TRIO:
        roster.miss(name)
    assert owners(roster) == before
    assert roster.report() == {"replicas_absent": 3, "replicas_partial": 0}


def test_one_that_is_not_whole_owns_nothing_while_another_is() -> None:
    roster = Roster({SEAT: TRIO})
    roster.doubt("qbmia")
    assert "qbmia" not in owners(roster).values()
    roster.miss("qbmia-2")
    roster.miss("qbmia-3")
    assert set(owners(roster).values()) == {"qbmia"}
    roster.hear("qbmia")
    assert roster.is_whole("qbmia")


def test_an_agent_without_replicas_is_its_own() -> None:
    roster = Roster({SEAT: TRIO})
    assert roster.owner("quasar", "SPX") == "quasar"
    assert roster.seat_of("quasar") is None
    assert roster.seat_of("qbmia-2") == SEAT


def test_a_restored_roster_goes_on_as_if_nothing_had_happened() -> None:
    roster = Roster({SEAT: TRIO})
    roster.miss("qbmia")
    roster.doubt("qbmia-2")
    restored = Roster({SEAT: TRIO})
    restored.restore(roster.snapshot())
    assert owners(restored) == owners(roster)
    assert restored.snapshot() == roster.snapshot()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_replicas_are_read_off_the_process_list(*, is_enabled: bool) -> None:
    agents = {
        "pads": AgentEntry(),
        "qbmia-2": AgentEntry(role="seat", replica_of="qbmia", enabled=is_enabled),
        "qbmia": AgentEntry(role="seat"),
    }
    assert replicas_of(agents) == ({"qbmia": ("qbmia", "qbmia-2")} if is_enabled else {})
