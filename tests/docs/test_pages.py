"""What the pages point to is there: links, headings, commands, make targets."""

import re
from pathlib import Path
from typing import Final

import pytest

from cli.main import app
from tests.conftest import ROOT

PAGES: Final = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
VERB: Final = re.compile(r"\bboardroom ([a-z]+)\b(?! /)")
TARGET: Final = re.compile(r"`make ([a-z-]+)`|^make ([a-z-]+)", re.MULTILINE)
CODE: Final = re.compile(r"```(?:bash|sh)\n(.*?)```|`([^`]+)`", re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def slug(heading: str) -> str:
    """Return the anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        found = (page.parent / place).resolve() if place else page
        assert found.exists(), f"{name_of(page)}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists(page: Path) -> None:
    verbs = {command.callback.__name__ for command in app.registered_commands if command.callback is not None}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    for block, inline in CODE.findall(text):
        assert set(VERB.findall(block or inline)) <= verbs, name_of(page)
    assert {one or other for one, other in TARGET.findall(text)} <= targets, name_of(page)


def test_every_decision_is_numbered_and_follows_the_form() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number:04d}. ")
        for word in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert word in text, page.name
