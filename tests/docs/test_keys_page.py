"""docs/keys.md says what an operator signs, to the byte, and what the code makes of it."""

import re
from typing import Final

from bus.command import PREFIX, REMEMBERED, SEVERITY, WINDOW_NS, sign_command, statement
from bus.keyfile import variable
from bus.keys import GRACE_NS, HOLDERS, Signer
from bus.messages import Command, SystemCommand, ViolationStatus
from tests.docs.blocks import DOCS

RESUME: Final = sign_command(
    Signer("operator", [(0, bytes(range(32)))]),
    SystemCommand(command=Command.RESUME, reason="the fire is out", operator="Ann", is_new_budget=True),
    "risk", 1_700_000_000_000_000_000, "6f1e7c",
)  # fmt: skip


def page() -> str:
    return (DOCS / "keys.md").read_text(encoding="utf-8")


def test_the_statement_shown_is_what_is_signed() -> None:
    shown = "".join(re.findall(r"^    (\d.*\n)", page(), re.MULTILINE))
    assert shown == statement("risk", RESUME).decode()


def test_the_signature_shown_is_the_one_it_gives() -> None:
    assert f"`{RESUME.signature.hex()}`" in page()
    assert RESUME.key in page()


def test_every_field_that_is_signed_is_a_line_of_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \| `?([\w ]+)`? \|", page(), re.MULTILINE)
    signed = [name for name in SystemCommand.model_fields if name != "signature"]
    assert [name for _, name in rows] == [PREFIX, "recipient", *signed]
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))


def test_words_and_bounds_are_those_of_the_code() -> None:
    text = page()
    for word in (*Command, *ViolationStatus):
        assert f"`{word.value}`" in text
    assert f"within {WINDOW_NS // 10**9} s of the agent's own time" in text.replace("\n", " ")
    assert f"the last {REMEMBERED:,} commands" in text
    assert f"believed for {GRACE_NS // 10**9} s more" in text
    assert f"severity {SEVERITY}" in text


def test_every_holder_is_in_the_table_and_the_variable_is_that_of_the_file() -> None:
    text = page()
    assert all(f"`{name}.key`" in text for name in HOLDERS)
    assert f"`{variable(DOCS / 'risk.curve.key')}` for `risk.curve.key`" in text
    assert variable(DOCS / "bus.redis_url.password") in text
