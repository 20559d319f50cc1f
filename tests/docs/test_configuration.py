"""docs/configuration.md has every key of the configuration, with its type and default as the models have them."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bus.config import BusConfig, Config, FirmConfig, Settings
from docs.tables import FIRM, LIMITS, Section, configuration_page, keys, meanings, sections
from tests.conftest import ROOT
from tests.docs.blocks import DOCS

PAGE: Final = (DOCS / "configuration.md").read_text(encoding="utf-8")
SECTIONS: Final = (*sections(FIRM), *sections(LIMITS, "limits "))


def classes(base: type[Config]) -> Iterator[type[Config]]:
    for each in base.__subclasses__():
        yield each
        yield from classes(each)


def test_keys_types_and_defaults_are_those_of_the_models() -> None:
    assert configuration_page(PAGE) == PAGE, "run `python -m docs.tables`, then fill in unit and meaning"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_key_has_a_meaning(section: Section) -> None:
    assert f"### `{section.title}`\n" in PAGE
    written = meanings(PAGE)
    for name, _, _ in keys(section):
        assert written[section.title, name][1], f"{section.title} {name}"


def test_no_table_is_left_out(tmp_path: Path) -> None:
    assert set(Settings.load(ROOT / "configs", tmp_path).firm.enabled) <= set(FIRM)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["importlinter"]["root_packages"]
    ours = {each for each in classes(Config) if each.__module__.split(".")[0] in packages}
    leaves = {each for each in ours if not each.__subclasses__()}
    assert leaves - {section.model for section in SECTIONS} <= {FirmConfig}


def test_the_shipped_ports_are_the_defaults() -> None:
    shipped = tomllib.loads((ROOT / "configs" / "firm.toml").read_text(encoding="utf-8"))
    assert BusConfig().ports == shipped["bus"]["ports"]
