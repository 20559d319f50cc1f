"""Plays a schedule of faults over as many runs of a firm as it takes, and judges each run when it has ended."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.errors import BoardroomError
from ops.compare import Comparable, comparable
from research.chaos.agents import Changed, Duplicate, FileLimit, Kill, Pause, Slow, Snapshot, Stop, Torn
from research.chaos.fault import Fault
from research.chaos.kind import Kind, Site, Step
from research.chaos.loss import Losses, first_round, ledger_losses, rounds_of, trail_losses
from research.chaos.machine import ClockBack, ClockForward, DiskFull, SupervisorKill
from research.chaos.planes import Flood, FloodAlert, RedisCut, RedisHole, RedisKill, RedisStall, Stranger
from research.chaos.scene import Scene, can_mount
from research.chaos.trail import trails
from research.replay import replay_firm

FAULTS: Final[Mapping[Kind, type[Fault]]] = {
    Kind.KILL: Kill,
    Kind.TORN: Torn,
    Kind.SNAPSHOT: Snapshot,
    Kind.STOP: Stop,
    Kind.PAUSE: Pause,
    Kind.SLOW: Slow,
    Kind.FILE_LIMIT: FileLimit,
    Kind.DISK_FULL: DiskFull,
    Kind.DUPLICATE: Duplicate,
    Kind.CONFIG: Changed,
    Kind.STRANGER: Stranger,
    Kind.FLOOD: Flood,
    Kind.FLOOD_ALERT: FloodAlert,
    Kind.CLOCK_FORWARD: ClockForward,
    Kind.CLOCK_BACK: ClockBack,
    Kind.REDIS_KILL: RedisKill,
    Kind.REDIS_STALL: RedisStall,
    Kind.REDIS_CUT: RedisCut,
    Kind.REDIS_HOLE: RedisHole,
    Kind.REDIS_CUT_LONG: RedisCut,
    Kind.SUPERVISOR: SupervisorKill,
}
RECOVERY_S: Final = 90.0
_END_S: Final = 600.0
_DISK_MB: Final = 1_024
PROGRESS: Final = 2
"""Rounds that must be concluded after a fault before the firm counts as recovered."""
_WORDS: Final = 1_000
Say = Callable[[str], object]


class Played(NamedTuple):
    """A step that was played: when, how long the firm took to go on, and what it cost.

    ``recovery_s`` is from the end of the faults until two more rounds were concluded and whoever was started is at
    work; None where that did not happen, and ``complaint`` then says what did.
    """

    step: Step
    run: int
    round: int
    recovery_s: float | None
    complaint: str = ""
    losses: Losses = Losses()


class Run(NamedTuple):
    """One firm from its first bar to its last."""

    number: int
    site: Site
    seconds: float
    rounds: int
    records: int
    played: tuple[Played, ...]
    losses: Losses
    complaints: tuple[str, ...]
    alert_ms: tuple[float, ...]


class Play:
    """A schedule, and the firm to play it with.

    Parameters
    ----------
    config
        Folder of configuration.
    overrides
        Tables laid over those of patience; [market] bars says how long one run is.
    say
        Told in one line what happens.
    """

    def __init__(self, config: Path, overrides: Mapping[str, Any], say: Say = lambda _: None) -> None:
        self._config = config
        self._overrides = overrides
        self._say = say
        self._disk_mb = _DISK_MB if can_mount() else 0
        self._reference: Comparable = {}
        self._rounds: dict[tuple[str, int], int] = {}

    def run(self, steps: Iterable[Step], until_s: float = float("inf")) -> list[Run]:
        """Play every step, in runs of one site after the other; begin none after ``until_s`` of the monotonic clock."""
        undisturbed = self._one(0, Site.EMBEDDED, deque(), until_s)
        self._say(f"undisturbed: {undisturbed.rounds} rounds in {undisturbed.seconds:.1f} s")
        runs = [undisturbed]
        steps = list(steps)
        is_sound = not undisturbed.complaints
        for site in Site:
            waiting = deque(step for step in steps if step.site is site)
            while waiting and is_sound and time.monotonic() < until_s:
                runs.append(self._one(len(runs), site, waiting, until_s))
                is_sound = bool(runs[-1].played)
        return runs

    def _one(self, number: int, site: Site, waiting: deque[Step], until_s: float) -> Run:
        """Play as many steps as one run of the market has room for, then let it end and judge it."""
        began = time.monotonic()
        played: list[Played] = []
        complaints: list[str] = []
        run = Run(number, site, 0.0, 0, 0, (), Losses(), (), ())
        try:
            with Scene(self._config, site, self._overrides, disk_mb=self._disk_mb) as scene:
                complaints += self._play(scene, number, waiting, played, until_s)
                rounds, codes = scene.concluded(), scene.firm.stop()
                complaints += [f"{name} ended with status {code}" for name, code in codes.items() if code]
                run = run._replace(rounds=rounds, seconds=time.monotonic() - began)
                return self._judged(run._replace(played=tuple(played), complaints=tuple(complaints)), scene)
        except BoardroomError as error:
            self._say(f"run {number}: {error}")
            return run._replace(played=tuple(played), complaints=(*complaints, str(error)))

    def _play(self, scene: Scene, number: int, waiting: deque[Step], played: list[Played], until_s: float) -> list[str]:
        """Inject what there is room for, and let the market end; return what went wrong."""
        try:
            while waiting and time.monotonic() < until_s and self._advance(scene, waiting[0].rounds):
                played.append(self._inject(scene, waiting.popleft(), number))
                if played[-1].complaint:
                    break
            patience_s = RECOVERY_S if played and played[-1].complaint else _END_S
            scene.firm.wait(scene.is_done, patience_s, "the end of the market's data")
        except (BoardroomError, TimeoutError) as error:
            return [str(error)[:_WORDS]]
        return []

    def _advance(self, scene: Scene, rounds: int) -> bool:
        """Let so many rounds go by; False where the market ends before."""
        target = scene.concluded() + rounds
        scene.firm.wait(lambda: scene.concluded() >= target or scene.is_done(), RECOVERY_S, f"{rounds} more rounds")
        return not scene.is_done()

    def _inject(self, scene: Scene, step: Step, run: int) -> Played:
        """Begin all faults of a step, let them be in force, end them, and time the firm until it goes on."""
        began_round = scene.concluded()
        scene.ended.clear()
        faults = [FAULTS[each.kind](scene, each) for each in step.injections]
        begun: list[Fault] = []
        recovery_s, complaint = None, ""
        try:
            for fault in faults:
                fault.prepare()
            for fault in sorted(faults, key=lambda each: not each.takes_work):
                begun.append(fault)
                fault.begin()
            for fault in faults:
                fault.hold()
            while begun:
                begun.pop().end()
            recovery_s = self._recover(scene, faults)
            for fault in faults:
                fault.check()
        except (BoardroomError, TimeoutError, OSError) as error:
            complaint = f"{step} at round {began_round}: {' '.join(str(error).split())}"[:_WORDS]
            self._leave(begun)
        told = "" if recovery_s is None else f"{recovery_s:.2f} s"
        self._say(f"run {run}, round {began_round}: {step}: {complaint or told}")
        return Played(step, run, began_round, recovery_s, complaint)

    def _recover(self, scene: Scene, faults: list[Fault]) -> float:
        ended = time.monotonic()
        target = scene.concluded() + PROGRESS

        def is_recovered() -> bool:
            for fault in faults:
                fault.tend()
            is_ready = all(fault.is_over() for fault in faults)
            is_ready = is_ready and all(scene.is_ready(name) for fault in faults for name in fault.awaited)
            return is_ready and (scene.concluded() >= target or scene.is_done())

        scene.firm.wait(is_recovered, RECOVERY_S, "the firm's recovery")
        return time.monotonic() - ended

    def _leave(self, begun: list[Fault]) -> None:
        """Take away faults that were begun when something went wrong, as far as they can be."""
        while begun:
            try:
                begun.pop().end()
            except (BoardroomError, OSError, AttributeError) as error:
                print(f"a fault could not be taken away: {error}", file=sys.stderr)

    def _judged(self, run: Run, scene: Scene) -> Run:
        """Compare the ledger with the undisturbed one, verify the journals, and replay them."""
        settings = scene.firm.settings
        if run.complaints:
            return run  # a ledger that ends early would lack what was never decided
        with closing(scene.firm.ledger()) as ledger:
            rows = comparable(ledger)
        if not self._reference:
            self._reference, self._rounds = rows, rounds_of(rows)
        read = trails(settings)
        losses = ledger_losses(self._reference, rows, scene.told) + trail_losses(read)
        complaints = [*run.complaints, *(trail.damage for trail in read.values() if trail.damage)]
        if not complaints:
            complaints = [str(each) for replay in replay_firm(settings) for each in replay.differences]
        judged = run._replace(
            losses=losses,
            complaints=tuple(complaints),
            records=sum(trail.records for trail in read.values()),
            alert_ms=tuple(ms for trail in read.values() for ms in trail.alert_ms),
            played=charged(run.played, losses, first_round(self._rounds, losses.all)),
        )
        self._say(
            f"run {run.number} ({run.site.value}): {sum(len(each.step.injections) for each in run.played)} faults, "
            f"{len(losses.lost)} lost, {len(losses.duplicated)} duplicated, {len(losses.changed)} changed, "
            f"{len(complaints)} complaints, {run.seconds:.1f} s"
        )
        return judged


def charged(played: tuple[Played, ...], losses: Losses, first: int | None) -> tuple[Played, ...]:
    """Charge what a run lost to the step in force before its first round that went wrong, or else to the last one.

    One wrong decision changes all that follow, so the first one tells where to look.
    """
    if not losses.all or not played:
        return played
    guilty = len(played) - 1
    if first is not None:
        guilty = max((place for place, each in enumerate(played) if each.round <= first + 1), default=0)
    return tuple(each._replace(losses=losses) if place == guilty else each for place, each in enumerate(played))
