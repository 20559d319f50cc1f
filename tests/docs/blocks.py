"""The fenced blocks of a page of documentation: what is shown there is what the tests run."""

import re
from typing import Final, NamedTuple

from tests.conftest import ROOT

DOCS: Final = ROOT / "docs"
EXAMPLES: Final = DOCS / "examples"
_FENCE: Final = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, what else stands on the opening line, the text, and the line it begins on."""

    language: str
    about: str
    text: str
    line: int


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Return the blocks of ``docs/PAGE``, or those in one language."""
    content = (DOCS / page).read_text(encoding="utf-8")
    found = [
        Block(match[1], match[2], match[3], content.count("\n", 0, match.start()) + 2)
        for match in _FENCE.finditer(content)
    ]
    return [block for block in found if language in (None, block.language)]
