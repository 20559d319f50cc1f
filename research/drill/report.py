"""A drill as a page and as plain data."""

import json
from pathlib import Path
from typing import Any, Final

from bus.errors import Fatal
from research.drill.scenario import Claim, Outcome

_DATA: Final = "drill.json"
_PAGE: Final = "drill.md"


def as_data(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return everything that was said and was true, for JSON."""
    return {
        "false_claims": sum(outcome.false_claims for outcome in outcomes),
        "passed": not any(outcome.complaint for outcome in outcomes),
        "scenarios": [_scenario(outcome) for outcome in outcomes],
    }


def page(outcomes: list[Outcome]) -> str:
    """Return a table of the scenarios and, for each, its stages beside what was true."""
    lines = ["# Halt drill", "", *overview(outcomes)]
    for outcome in outcomes:
        lines += ["", f"## {outcome.scenario.name}: {outcome.scenario.what}", ""]
        lines += [f"**{outcome.complaint}**", ""] if outcome.complaint else []
        lines += [
            "| bars | market | wall | said | broker's word | true at the venue | detail |",
            "|---|---|---|---|---|---|---|",
            *(_line(claim) for claim in outcome.claims),
        ]
        lines += ["", *(f"- {alert}" for alert in outcome.alerts)] if outcome.alerts else []
    return "\n".join(lines) + "\n"


def overview(outcomes: list[Outcome]) -> list[str]:
    """Return the table of the scenarios, line by line."""
    return [
        "| broker | what fails | open at the halt | stages said | flat after | said falsely | trades again |",
        "|---|---|---|---|---|---|---|",
        *(_row(outcome) for outcome in outcomes),
    ]


def write(outcomes: list[Outcome], folder: Path) -> tuple[Path, Path]:
    """Write page and data into a folder; return their paths.

    Raises
    ------
    Fatal
        They cannot be written there.
    """
    paths = folder / _PAGE, folder / _DATA
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(page(outcomes), encoding="utf-8")
        paths[1].write_text(json.dumps(as_data(outcomes), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise Fatal(f"{folder}: {error.strerror}; make it writable, or give another --run-dir") from None
    return paths


def flat_after(outcome: Outcome) -> str:
    """Say how long it took, in bars and in the market's time."""
    if not outcome.is_flat:
        return "never"
    last = outcome.claims[-1]
    return f"{last.bars} bars, {last.market_s:g} s"


def stages(outcome: Outcome) -> str:
    """Name the stages in the order in which they were said, without repetitions."""
    said = [claim.stage.value for claim in outcome.claims]
    return " > ".join(stage for place, stage in enumerate(said) if place == 0 or said[place - 1] != stage)


def _row(outcome: Outcome) -> str:
    again = {None: "-", True: "yes", False: "no"}[outcome.trades_again]
    scenario, opened = outcome.scenario, f"{outcome.orders} orders, {outcome.positions} positions"
    cells = (scenario.name, scenario.what, opened, stages(outcome), flat_after(outcome), outcome.false_claims, again)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _line(claim: Claim) -> str:
    said = f"{claim.working} orders, {_held(claim.positions)}"
    true = f"{len(claim.true_working)} orders, {_held(claim.true_positions)}"
    cells = (claim.bars, f"{claim.market_s:g} s", f"{claim.wall_s * 1e3:.1f} ms", claim.stage.value, said, true)
    return f"| {' | '.join(str(cell) for cell in (*cells, claim.detail))} |"


def _held(positions: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{units} {symbol}" for symbol, units in positions) or "nothing"


def _scenario(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.scenario.name,
        "what": outcome.scenario.what,
        "faults": {fault.value: rate for fault, rate in outcome.scenario.faults.items()},
        "ends_flat": outcome.scenario.ends_flat,
        "orders": outcome.orders,
        "positions": outcome.positions,
        "is_flat": outcome.is_flat,
        "false_claims": outcome.false_claims,
        "complaint": outcome.complaint,
        "restarts": outcome.restarts,
        "trades_again": outcome.trades_again,
        "alerts": list(outcome.alerts),
        "claims": [
            {**claim._asdict(), "stage": claim.stage.value, "is_false": claim.is_false} for claim in outcome.claims
        ],
    }
