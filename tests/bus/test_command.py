"""Commands: believed only as an operator signed them, to whom, in their own minute, and once."""

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.agent import Agent, Answer, handles
from bus.command import REMEMBERED, SEVERITY, WINDOW_NS, Authority, sign_command, statement
from bus.keys import GRACE_NS, Signer, Verifier
from bus.message import Envelope, Header
from bus.messages import Command, CommandRecord, CommandResult, RiskAlert, SystemCommand, ViolationStatus
from bus.plain import pack, unpack
from bus.stepper import Stepper
from tests.keys import SECRETS, VERIFIER, ordered, public_of

NOW_NS: Final = 1_000 * 1_000_000_000
HALT: Final = SystemCommand(command=Command.HALT, reason="fire", operator="ada")
FULL: Final = SystemCommand(
    command=Command.REVIEW, symbol="SPX", reason="looked at it", operator="ada", is_new_budget=True, violation_id="V1",
    status=ViolationStatus.CLOSED, agent="risk",
)  # fmt: skip
OTHERS: Final[dict[str, Any]] = {
    "command": Command.RESUME,
    "symbol": "NDX",
    "reason": "looked at i",
    "operator": "adat",
    "is_new_budget": False,
    "violation_id": None,
    "status": ViolationStatus.OPEN,
    "agent": None,
    "issued_ns": NOW_NS + 1,
    "nonce": "n2",
}


@pytest.fixture
def authority() -> Authority:
    """That of risk, which has heard nothing yet."""
    return Authority("risk", VERIFIER)


def signed(
    command: SystemCommand = HALT, nonce: str = "n1", now_ns: int = NOW_NS, who: str = "operator"
) -> SystemCommand:
    return ordered(command, "risk", now_ns, nonce, who)


def test_what_an_operator_signed_is_obeyed_once(authority: Authority) -> None:
    assert authority.objection(signed(), NOW_NS) == ""
    assert authority.objection(signed(), NOW_NS) == "it was given before, and a command is obeyed once"
    assert authority.objection(signed(nonce="n2"), NOW_NS) == ""
    assert authority.refused == 1


def test_an_unsigned_command_is_not_obeyed(authority: Authority) -> None:
    assert authority.objection(HALT, NOW_NS) == "it is not signed"
    bare = signed().model_copy(update={"signature": b""})
    assert authority.objection(bare, NOW_NS) == "it is not signed"


def test_every_field_but_the_signature_is_signed(authority: Authority) -> None:
    assert set(OTHERS) == set(SystemCommand.model_fields) - {"key", "signature"}
    command = signed(FULL)
    for name, other in OTHERS.items():
        altered = command.model_copy(update={name: other})
        assert altered != command
        why = authority.objection(altered, NOW_NS)
        assert why == "the signature of operator does not fit the command as it came to risk", name
    assert authority.objection(command, NOW_NS) == ""


def test_a_command_to_another_agent_is_none_to_this_one(authority: Authority) -> None:
    for_compliance = ordered(HALT, "compliance", NOW_NS, "n1")
    assert "does not fit the command as it came to risk" in authority.objection(for_compliance, NOW_NS)
    assert Authority("compliance", VERIFIER).objection(for_compliance, NOW_NS) == ""


@pytest.mark.parametrize("stranger", [Signer("operator", [(0, b"x" * 32)]), Signer("risk", [(0, SECRETS["risk"])])])
def test_only_keys_of_operators_are_believed(authority: Authority, stranger: Signer) -> None:
    """A gate's key is known to the verifier, and still gives no command."""
    command = sign_command(stranger, HALT, "risk", NOW_NS, "n1")
    assert authority.objection(command, NOW_NS) == f"no key '{command.key}' of an operator is known"


def test_one_key_named_and_another_used_does_not_fit(authority: Authority) -> None:
    command = signed(who="ops").model_copy(update={"key": signed().key})
    assert "the signature of operator does not fit" in authority.objection(command, NOW_NS)


def test_what_stands_in_the_place_of_a_key_is_shown_short_and_in_one_line(authority: Authority) -> None:
    command = signed().model_copy(update={"key": "\n\x1b[31m" + "k" * 900})
    assert authority.objection(command, NOW_NS) == r"no key '\n\x1b[31mkkkkkkkkkk' of an operator is known"


@pytest.mark.parametrize(
    ("age_ns", "why"),
    [
        (WINDOW_NS, ""),
        (WINDOW_NS + 1, "it was issued 30.0 s ago, more than 30 s; set the clocks, and give it anew"),
        (-WINDOW_NS, ""),
        (-WINDOW_NS - 1, "it was issued 30.0 s from now, more than 30 s; set the clocks, and give it anew"),
        (90 * 10**9, "it was issued 90.0 s ago, more than 30 s; set the clocks, and give it anew"),
    ],
)
def test_a_command_is_believed_half_a_minute_either_way(authority: Authority, age_ns: int, why: str) -> None:
    assert authority.objection(signed(now_ns=NOW_NS - age_ns), NOW_NS) == why


@pytest.mark.parametrize("nonce", ["", "n" * 65])
def test_a_nonce_has_its_bounds(authority: Authority, nonce: str) -> None:
    why = authority.objection(signed(nonce=nonce), NOW_NS)
    assert why == f"its nonce has {len(nonce)} characters, not 1 to 64"
    assert authority.objection(signed(nonce="n" * 64), NOW_NS) == ""


def test_ops_may_halt_and_nothing_else(authority: Authority) -> None:
    assert authority.objection(signed(who="ops"), NOW_NS) == ""
    for number, word in enumerate(word for word in Command if word is not Command.HALT):
        command = signed(SystemCommand(command=word, reason="r", operator="ops"), f"o{number}", who="ops")
        assert authority.objection(command, NOW_NS) == f"ops may halt, not {word}"


def test_a_key_that_was_replaced_commands_no_more() -> None:
    new = b"q" * 32
    verifier = Verifier({"operator": [(0, public_of(SECRETS["operator"])), (NOW_NS, public_of(new))]})
    authority = Authority("risk", verifier)
    late_ns = NOW_NS + GRACE_NS + 1
    command = signed(now_ns=late_ns)
    assert authority.objection(command, late_ns) == f"key {command.key} of operator was replaced"
    fresh = sign_command(Signer("operator", [(0, new)]), HALT, "risk", late_ns, "n2")
    assert authority.objection(fresh, late_ns) == ""


def test_a_clock_set_back_brings_no_command_back(authority: Authority) -> None:
    command = signed()
    assert authority.objection(command, NOW_NS) == ""
    assert authority.objection(signed(nonce="n2", now_ns=5 * NOW_NS), 5 * NOW_NS) == ""
    assert authority.objection(command, NOW_NS) == "it was given before, and a command is obeyed once"


def test_what_is_remembered_is_bounded_but_by_none_that_could_come_again(authority: Authority) -> None:
    for number in range(REMEMBERED + 10):
        assert authority.objection(signed(nonce=f"n{number}"), NOW_NS) == ""
    assert len(authority.snapshot()["seen"]) == REMEMBERED + 10
    late_ns = NOW_NS + WINDOW_NS + 1
    assert authority.objection(signed(nonce="late", now_ns=late_ns), late_ns) == ""
    assert len(authority.snapshot()["seen"]) == REMEMBERED
    assert "30.0 s ago" in authority.objection(signed(nonce="n0"), late_ns)
    assert "given before" in authority.objection(signed(nonce="n500"), NOW_NS)


def test_a_restored_authority_goes_on_alike(authority: Authority) -> None:
    authority.objection(signed(), NOW_NS)
    authority.objection(HALT, NOW_NS)
    other = Authority("risk", VERIFIER)
    other.restore(unpack(pack(authority.snapshot())))
    for each in (authority, other):
        assert "given before" in each.objection(signed(), NOW_NS)
        assert each.objection(signed(nonce="n2"), NOW_NS) == ""
    assert pack(other.snapshot()) == pack(authority.snapshot())
    assert other.refused == 2


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(Command)), st.text("1 \n5ab", max_size=4), st.text("1 \n5ab", max_size=4)),
        min_size=2, max_size=2, unique=True,
    )
)  # fmt: skip
def test_two_commands_never_give_one_text(pair: list[tuple[Command, str, str]]) -> None:
    texts = {statement("risk", SystemCommand(command=word, reason=why, operator=who)) for word, why, who in pair}
    assert len(texts) == 2


class Orderly(Agent):
    """Does as it is told, if it may be told."""

    def __init__(self) -> None:
        super().__init__("orderly")
        self.authority = Authority(self.name, VERIFIER)
        self.obeyed = 0

    @handles(SystemCommand)
    def obey(self, command: SystemCommand) -> Answer:
        """Count it."""
        refused = self.authority.turn_away(self, command)
        if refused is not None:
            return refused
        self.obeyed += 1
        return CommandResult(is_done=True, detail="done")


def test_a_refusal_is_answered_recorded_and_alerted() -> None:
    orderly = Orderly()
    header = Header("g:1", "g:1", "", HALT.KIND, "guest-1-1", "orderly", 0, NOW_NS, 0, 1)
    outputs = Stepper(orderly).step(Envelope(header, HALT), NOW_NS)
    record, alert, answer = (output.message for output in outputs)
    detail = "halt refused: it is not signed"
    assert answer == CommandResult(is_done=False, detail=detail)
    assert outputs[2].header.recipient == "guest-1-1"
    assert record == CommandRecord(
        command=Command.HALT, sender="guest-1-1", operator="ada", reason="fire", is_done=False, detail=detail
    )
    assert alert == RiskAlert(
        symbol="*", severity=SEVERITY, source="orderly", reason="halt from guest-1-1 refused: it is not signed"
    )
    assert orderly.obeyed == 0


def test_what_may_be_obeyed_is_left_to_the_agent() -> None:
    orderly = Orderly()
    command = ordered(HALT, "orderly", NOW_NS, "n1")
    header = Header("g:1", "g:1", "", HALT.KIND, "guest-1-1", "orderly", 0, NOW_NS, 0, 1)
    [answer] = (output.message for output in Stepper(orderly).step(Envelope(header, command), NOW_NS))
    assert (answer, orderly.obeyed) == (CommandResult(is_done=True, detail="done"), 1)
