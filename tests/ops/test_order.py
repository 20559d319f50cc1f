"""The order in which a firm starts."""

import pytest

from bus.config import AgentEntry
from bus.errors import ConfigError
from ops.supervision.order import waves


def entry(*needs: str) -> AgentEntry:
    return AgentEntry(needs=needs)


def test_an_agent_starts_after_those_it_needs() -> None:
    assert waves({"c": entry("b"), "b": entry("a"), "a": entry()}) == [["a"], ["b"], ["c"]]


def test_a_star_needs_all_that_have_none_themselves() -> None:
    entries = {"market": entry("*"), "a": entry(), "b": entry("a"), "monitor": entry("*", "market")}
    assert waves(entries) == [["a"], ["b"], ["market"], ["monitor"]]


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ({"a": entry("b")}, "a.needs names b"),
        ({"a": entry("b"), "b": entry("a")}, "circle among a, b"),
        ({"market": entry("*"), "a": entry("market")}, "circle among market, a"),
    ],
)
def test_needs_that_cannot_be_met_are_refused(entries: dict[str, AgentEntry], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        waves(entries)
