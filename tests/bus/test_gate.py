"""The chassis of a gate: every rule runs, and whatever goes wrong refuses."""

import math
from decimal import Decimal
from typing import ClassVar

import pytest

from bus.gate import Finding, judge, refusal, refusals
from bus.messages import Order, Severity
from tests.gates.driver import order


class Fixed:
    """Finds what it is told to find."""

    id: ClassVar[str] = "TST_001"
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "wait"

    def __init__(self, name: str, finding: Finding | Exception, severity: Severity = Severity.SERIOUS) -> None:
        self.name = name
        self.finding = finding
        self.severity = severity

    def check(self, order: Order, book: None, limits: None) -> Finding:
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding


class Unnamed:
    """Breaks in the middle of its measurement."""

    id: ClassVar[str] = "TST_002"
    name: ClassVar[str] = "unnamed"
    severity: ClassVar[Severity] = Severity.WARNING
    unit: ClassVar[str] = ""
    remedy: ClassVar[str] = ""

    def check(self, order: Order, book: None, limits: None) -> Finding:
        raise ZeroDivisionError


PASSES = Finding(True, Decimal("0.04"), Decimal("0.05"), "fine")
REFUSES = Finding(False, 3, 2, "too many")


def test_every_rule_runs_though_the_first_refuses() -> None:
    verdicts = judge("risk", [Fixed("a", REFUSES), Fixed("b", PASSES), Fixed("c", REFUSES)], order(), None, None)
    assert [(verdict.gate, verdict.rule, verdict.passes) for verdict in verdicts] == [
        ("risk", "a", False), ("risk", "b", True), ("risk", "c", False),
    ]  # fmt: skip
    assert (verdicts[1].value, verdicts[1].limit, verdicts[1].unit) == (0.04, 0.05, "of equity")
    assert refusals(verdicts) == "a: too many; c: too many"
    assert refusals(verdicts[1:2]) == ""
    assert [verdict.id for verdict in verdicts] == ["TST_001"] * 3


def test_a_refusal_names_its_remedy_and_a_pass_none() -> None:
    own = REFUSES._replace(remedy="at most 2")
    found = judge("risk", [Fixed("a", REFUSES), Fixed("b", PASSES), Fixed("c", own)], order(), None, None)
    assert [verdict.remedy for verdict in found] == ["wait", "", "at most 2"]


def test_a_warning_is_told_and_refuses_nothing() -> None:
    (verdict,) = judge("risk", [Fixed("a", REFUSES, Severity.WARNING)], order(), None, None)
    assert (verdict.passes, verdict.refuses, refusals([verdict])) == (False, False, "")


@pytest.mark.parametrize("error", [LookupError("no bar of AAA"), ArithmeticError("overflow"), AssertionError("never")])
def test_a_rule_that_raises_refuses_and_names_the_exception(error: Exception) -> None:
    first, second = judge("risk", [Fixed("broken", error), Fixed("b", PASSES)], order(), None, None)
    assert not first.passes
    assert first.value is None
    assert first.detail == f"cannot judge: {type(error).__name__}: {error}"
    assert second.passes


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("NaN"), Decimal("Infinity")])
def test_a_measurement_that_is_no_number_refuses(value: Decimal | float) -> None:
    (verdict,) = judge("risk", [Fixed("a", PASSES._replace(value=value))], order(), None, None)
    assert not verdict.passes
    assert "ValidationError" in verdict.detail
    assert "\n" not in verdict.detail


def test_an_exception_without_words_is_named_too() -> None:
    (verdict,) = judge("risk", [Unnamed()], order(), None, None)
    assert "ZeroDivisionError" in verdict.detail
    assert verdict.refuses, "a rule that cannot judge refuses, whatever its breach would lead to"


def test_a_refusal_without_measurement_says_why() -> None:
    verdict = refusal("risk", "deadline", "too late")
    assert (verdict.passes, verdict.value, verdict.detail) == (False, None, "too late")
