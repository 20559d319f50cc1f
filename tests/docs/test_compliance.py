"""docs/compliance.md has the register of rules as the code has it."""

import re
from typing import Final

from compliance.log import TRANSITIONS
from compliance.refusal import NUMBERS
from compliance.rules import REGISTER
from docs.register import compliance_page
from tests.docs.blocks import DOCS

PAGE: Final = (DOCS / "compliance.md").read_text(encoding="utf-8")


def test_the_register_is_that_of_the_code() -> None:
    assert compliance_page(PAGE) == PAGE, "run `python -m docs.register`"
    for number in (*REGISTER, *NUMBERS.values()):
        assert f"| {number} |" in PAGE


def test_the_life_of_a_violation_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([^|]*)\|$", PAGE, re.MULTILINE)
    told = {stage: tuple(filter(None, then.strip().split(", "))) for stage, then in rows if stage != "stage"}
    assert told == {stage.value: tuple(each.value for each in then) for stage, then in TRANSITIONS.items()}
