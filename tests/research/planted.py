"""A firm whose seats are an oracle, noise and one that knows nothing: what each is worth is known beforehand."""

import shutil
from pathlib import Path
from typing import Any, Final

from bus.config import Settings
from bus.tables import Tables
from tests.conftest import ROOT

BARS: Final = 260
SEATS: Final = ("oracle", "noise", "still")
MARKET: Final[Tables] = {"source": "synthetic", "symbols": ["AAA"], "bars": BARS}


def tables(*, bars: int = BARS) -> Tables:
    """Return the overrides that put the planted seats in the place of the shipped ones."""
    shipped = ("qbmia", "quasar", "quantum_amos")
    seats: dict[str, Any] = {name: {"role": "seat", "module": f"tests.research.{name}"} for name in SEATS}
    return {
        "agents": {**{name: {"enabled": False} for name in shipped}, **seats},
        "pads": {"stakes": {name: {"member": name, "weight": 0.3} for name in seats}},
        "market": {**MARKET, "bars": bars},
    }


def settings(run_dir: Path, *, bars: int = BARS, over: Tables | None = None) -> Settings:
    """Return the configuration of the planted firm."""
    shipped = Settings.load(ROOT / "configs", run_dir).elsewhere(run_dir, {"market": {**MARKET, "bars": bars}})
    return shipped.overridden(tables(bars=bars)).overridden(over or {})


def configuration(folder: Path) -> Path:
    """Write the planted firm as a folder of configuration."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "configs" / "limits.toml", folder)
    lines = ['[market]', 'source = "synthetic"', 'symbols = ["AAA"]', f"bars = {BARS}", "[pads.stakes]",
             *(f'{name} = {{ member = "{name}", weight = 0.3 }}' for name in SEATS)]  # fmt: skip
    for name in ("execution", "risk", "compliance", *SEATS, "pads", "market"):
        lines += [f"[agents.{name}]"]
        if name in SEATS:
            lines += ['role = "seat"', f'module = "tests.research.{name}"']
    (folder / "firm.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
