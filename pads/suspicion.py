"""What becomes of a seat's report that the market enters another phase.

PADS holds a report against its own panarchy: the suspected phase must score enough to be entered, and no less than the
current one; what the report adds is that no margin is asked for. Of several suspected phases the one that scores best
is heard first, and once it is entered the others were wrong. A report of the current phase suspects nothing.
"""

from typing import Any

from bus.messages import Phase, PhaseTransition
from pads.instrument import Instrument
from pads.rounds import Round


class Suspicions:
    """Judges reports, and counts those borne out and those that were not."""

    def __init__(self) -> None:
        self._validated = self._refused = 0

    def judge(self, closing: Round, instrument: Instrument) -> list[PhaseTransition]:
        """Return the change of phase that the seats' reports bring about, if any; later bars make them stale."""
        current = closing.request.phase
        reports = {seat: phase for seat, phase in sorted(closing.suspected.items()) if phase is not current}
        if not reports:
            return []
        changed, entered = None, None
        if instrument.bar == closing.request.bar:
            for phase in sorted(dict.fromkeys(reports.values()), key=lambda phase: _rank(instrument, phase)):
                seats = ", ".join(seat for seat, suspected in reports.items() if suspected is phase)
                changed = instrument.suspect(phase, seats)
                if changed is not None:
                    entered = phase
                    break
        borne_out = sum(phase is entered for phase in reports.values())
        self._validated += borne_out
        self._refused += len(reports) - borne_out
        return [] if changed is None else [changed]

    def report(self) -> dict[str, int]:
        """Count reports by what became of them."""
        return {"phase_reports_validated": self._validated, "phase_reports_refused": self._refused}

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._validated, self._refused]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._validated, self._refused = state


def _rank(instrument: Instrument, phase: Phase) -> tuple[float, int]:
    scale = instrument.panarchy.operating
    return (0.0 if scale is None else -scale.score(phase), list(Phase).index(phase))
