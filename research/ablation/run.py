"""Runs the firm and its variants side by side: one process each, local or of a cluster, the same figures either way.

Whatever executes them, a run depends on its configuration alone: agents are deterministic, and each run has a process,
a scratch directory and a virtual clock of its own. It writes no ledger; what it says is heard on the simulated bus.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from joblib import Parallel, delayed

from bus.config import Settings
from bus.errors import ConfigError, Fatal
from bus.keys import make_keys
from ops.supervision.kernel_cache import is_warm
from research.ablation.study import Run, Study, study
from research.ablation.tape import Listener, Tape
from research.ablation.variant import Variant
from research.backtest import backtest
from research.firm import build_agent
from research.warm import warm

_RECORDER: Final = "ops.recorder"


def ablate(
    settings: Settings,
    variants: Sequence[Variant],
    *,
    seed: int = 0,
    jobs: int | None = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Study:
    """Run the firm of ``settings`` once whole and once for each variant, and compare.

    Parameters
    ----------
    variants
        Firms that lack something, as ``research.ablation.variant.variants`` finds them.
    seed
        Of the bootstrap; the runs themselves draw nothing.
    jobs
        Runs at once; with None as many as the ``joblib.parallel_config`` around this call says.
    progress
        Called with (runs finished, runs in all).

    Raises
    ------
    ConfigError
        The whole firm cannot be built, or its market cannot be read.
    Fatal
        A firm stopped before its data ended, or two saw different markets.
    """
    listening = _without_ledger(settings)
    _check(listening)
    if jobs != 1 and settings.firm.kernels.jit and not is_warm():
        warm(settings)  # once, before several processes would compile the same side by side
    firms = [listening, *(listening.overridden(variant.overrides) for variant in variants)]
    names = ["the whole firm", *(f"without {variant.name}" for variant in variants)]
    tapes = _tapes(firms, names, jobs, progress or _say_nothing)
    whole = next(tapes)
    if isinstance(whole, str):
        raise ConfigError(whole)
    return study(whole, (_run(variant, tape) for variant, tape in zip(variants, tapes, strict=True)), seed=seed)


def play(settings: Settings) -> Tape:
    """Run one firm over its market in a scratch directory and return what it said.

    Raises
    ------
    Fatal
        The firm cannot be built, or stopped before its data ended.
    """
    listener = Listener()
    with tempfile.TemporaryDirectory(prefix="boardroom-ablate-") as scratch:
        backtest(settings.elsewhere(Path(scratch)), observe=listener.hear)
    return listener.tape()


def _tapes(
    firms: Sequence[Settings], names: Sequence[str], jobs: int | None, progress: Callable[[int, int], None]
) -> Iterator[Tape | str]:
    """Yield what each firm said in their order, or why there is no such firm."""
    progress(0, len(firms))
    played = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(_played)(firm, name) for firm, name in zip(firms, names, strict=True)
    )
    for done, tape in enumerate(played, start=1):
        progress(done, len(firms))
        yield tape


def _played(settings: Settings, name: str) -> Tape | str:
    try:
        return play(settings)
    except ConfigError as error:
        return str(error)
    except Fatal as error:
        raise Fatal(f"{name}: {error}") from None


def _run(variant: Variant, tape: Tape | str) -> Run:
    return Run(variant, None, tape) if isinstance(tape, str) else Run(variant, tape, None)


def _without_ledger(settings: Settings) -> Settings:
    recorders = [name for name, entry in settings.firm.agents.items() if (entry.module or name) == _RECORDER]
    return settings.overridden({"agents": {name: {"enabled": False} for name in recorders}})


def _check(settings: Settings) -> None:
    """Build every agent once, so that what does not fit is said before anything runs."""
    with tempfile.TemporaryDirectory(prefix="boardroom-ablate-") as scratch:
        checked = settings.elsewhere(Path(scratch))
        make_keys(checked.keys, 0)
        for name in checked.firm.enabled:
            build_agent(checked, name)


def _say_nothing(done: int, total: int) -> None:
    """Show no progress."""
