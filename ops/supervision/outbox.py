"""What ops has to tell the ledger: each event waits, on disk too, until the recorder has it in its journal."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from bus.message import Message
from bus.messages import SystemEvent
from ops.monitoring.state import write_whole

FILE: Final = "events.json"
_REPEAT_S: Final = 2.0
_MOST_AT_ONCE: Final = 64
_MOST_KEPT: Final = 10_000


class Outbox:
    """Events on their way to the recorder, oldest first; told twice, an event is one row.

    Parameters
    ----------
    folder
            Where ops keeps its files: what was not told by the end is told by who supervises next.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._waiting: dict[str, SystemEvent] = {}
        self._sent_s: dict[str, float] = {}
        self._is_dirty = False
        self.lost = 0
        self.trouble = ""
        self._take_over()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: SystemEvent) -> None:
        """Queue an event; beyond ten thousand the oldest is lost, and counted."""
        self._waiting[identity(event)] = event
        if len(self._waiting) > _MOST_KEPT:
            self.acknowledge((next(iter(self._waiting)),))
            self.lost += 1
        self._is_dirty = True

    def due(self, now_s: float) -> list[tuple[str, SystemEvent]]:
        """Return the events to send now, by message id: those new, and those not acknowledged for two seconds."""
        first = list(self._waiting.items())[:_MOST_AT_ONCE]
        ready = [(key, event) for key, event in first if now_s - self._sent_s.get(key, -_REPEAT_S) >= _REPEAT_S]
        self._sent_s.update((key, now_s) for key, _ in ready)
        return ready

    def acknowledge(self, ids: Iterable[str]) -> None:
        """Forget events that the recorder has."""
        for key in ids:
            self._sent_s.pop(key, None)
            self._is_dirty = self._waiting.pop(key, None) is not None or self._is_dirty

    def save(self) -> None:
        """Write what waits to the disk, if that has changed; a full disk is no reason to stop supervising."""
        if not self._is_dirty:
            return
        try:
            if self._waiting or self._path.exists():
                write_whole(self._path, json.dumps([event.model_dump(mode="json") for event in self._waiting.values()]))
        except OSError:
            return
        self._is_dirty = False

    def _take_over(self) -> None:
        """Queue what an earlier supervisor left; a file that cannot be read is put aside for a person to see."""
        try:
            for event in _read(self._path):
                self.add(event)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            aside = self._path.with_suffix(".bad")
            with contextlib.suppress(OSError):
                self._path.replace(aside)
            self.trouble = f"{self._path}: not what was written ({type(error).__name__}); it is kept as {aside.name}"


def identity(event: Message) -> str:
    """Return the message id of an event: the same whoever tells it, and however often."""
    assert isinstance(event, SystemEvent)
    return f"ops:{event.at_ns}:{event.event}:{event.subject}"


def _read(path: Path) -> list[SystemEvent]:
    said: Any = json.loads(path.read_text(encoding="utf-8"))
    return [SystemEvent.model_validate_json(json.dumps(each)) for each in said]
