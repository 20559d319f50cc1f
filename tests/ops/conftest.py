"""Ledgers that go with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.ledger import Ledger

MakeLedger = Callable[..., Ledger]


@pytest.fixture
def make_ledger(tmp_path: Path) -> Iterator[MakeLedger]:
    """Makes ledgers in files of the given names; the same name is the same file."""
    made: list[Ledger] = []

    def make(name: str = "ledger", *, flush_rows: int = 2_000) -> Ledger:
        made.append(Ledger.create(f"sqlite:///{tmp_path / name}.sqlite", flush_rows=flush_rows))
        return made[-1]

    yield make
    for ledger in made:
        ledger.engine.dispose()
