"""What a process uses of the machine, and whether that is more than its entry allows."""

from typing import Final, NamedTuple

import psutil

from bus.config import AgentEntry

_MB: Final = 1 << 20
TIMES_OVER: Final = 3
"""Looks in a row over the limit of memory before an agent is started anew: a peak is no leak."""


class Usage(NamedTuple):
    """Resident memory in MiB, share of one processor in percent since the look before, and open descriptors."""

    memory_mb: float = 0.0
    cpu_percent: float = 0.0
    fds: int = 0


class Excess(NamedTuple):
    """What a look at an agent's usage led to."""

    must_restart: bool
    warning: str


class Gauge:
    """Measures processes; a pid that is measured for the first time has used no processor yet."""

    def __init__(self) -> None:
        self._known: dict[str, psutil.Process] = {}

    def measure(self, name: str, pid: int | None) -> Usage:
        """Return what the process ``pid`` of ``name`` uses now; nothing where there is none."""
        process = self._process(name, pid)
        if process is None:
            return Usage()
        try:
            with process.oneshot():
                memory_mb = process.memory_info().rss / _MB
                return Usage(memory_mb, process.cpu_percent(), process.num_fds())
        except psutil.Error:
            self._known.pop(name, None)
            return Usage()

    def _process(self, name: str, pid: int | None) -> psutil.Process | None:
        known = self._known.get(name)
        if known is not None and known.pid == pid:
            return known
        self._known.pop(name, None)
        if pid is None:
            return None
        try:
            process = self._known[name] = psutil.Process(pid)
            process.cpu_percent()
        except psutil.Error:
            return None
        return process


class Limits:
    """Holds the usage of one agent against its entry.

    Parameters
    ----------
    entry
        Its line of the process list; a limit of 0 is none.
    """

    def __init__(self, entry: AgentEntry) -> None:
        self._entry = entry
        self._times_over = 0
        self._is_busy = False

    def look(self, usage: Usage) -> Excess:
        """Judge one measurement; the warning is empty unless there is something new to say."""
        return Excess(self._has_outgrown(usage.memory_mb), self._heat(usage.cpu_percent))

    def outgrown(self, usage: Usage) -> str:
        """Say by how much an agent uses more memory than it may."""
        limit = f"its {self._entry.memory_mb} MB at {TIMES_OVER} looks in a row"
        return f"it uses {usage.memory_mb:.0f} MB, more than {limit}"

    def _has_outgrown(self, memory_mb: float) -> bool:
        is_over = 0 < self._entry.memory_mb < memory_mb
        self._times_over = self._times_over + 1 if is_over else 0
        if self._times_over < TIMES_OVER:
            return False
        self._times_over = 0
        return True

    def _heat(self, cpu_percent: float) -> str:
        was_busy, self._is_busy = self._is_busy, 0 < self._entry.cpu_percent < cpu_percent
        if self._is_busy and not was_busy:
            return f"it uses {cpu_percent:.0f} % of a processor, more than its {self._entry.cpu_percent:g} %"
        return ""
