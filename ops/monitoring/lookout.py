"""What follows each look at the firm: the state on disk for those who ask, the metrics, and reports when they are due.

The supervisor and the observer share it; nothing here holds them up or ends them, a full disk is only complained about.
"""

from collections.abc import Sequence
from typing import Final

from bus.config import Settings
from ops.config import ops_config
from ops.monitoring import state
from ops.monitoring.exporter import Exporter
from ops.monitoring.monitor import Look, Monitor, Seen
from ops.monitoring.picture import Picture
from ops.monitoring.report import keep_report, report_of
from ops.monitoring.schedule import Schedule
from ops.monitoring.view import FirmView, Watcher

_VIEW_S: Final = 1.0


class Lookout:
    """Keeps the view of one firm up to date.

    Parameters
    ----------
    settings
        Configuration of the firm.
    monitor
        Who judges; the score's history that an earlier watcher left is handed to it.
    watcher
        Who looks.

    Raises
    ------
    ConfigError
        The schedule of the reports, or a table that tells the mode, does not fit.
    """

    def __init__(self, settings: Settings, monitor: Monitor, watcher: Watcher) -> None:
        config = ops_config(settings)
        self.view: FirmView | None = None
        self._run_dir = settings.run_dir
        self._picture = Picture(settings, monitor, watcher)
        self._schedule = Schedule(config.report_cron)
        self._report_files = config.report_files
        self._viewed_s: float | None = None
        self._saved_history: tuple[int, float] | None = None
        self._complaint = ""
        self._pending: list[str] = []
        self._exporter = Exporter()
        if config.metrics_port:
            trouble = self._exporter.serve(config.metrics_host, config.metrics_port)
            self._pending += [trouble] if trouble else []
        if not monitor.history:
            monitor.history.extend(state.load_history(settings.run_dir))

    def take(self, seen: Sequence[Seen], look: Look, now_s: float, at_ns: int) -> tuple[str, ...]:
        """Take what was seen and how it was judged; return lines that somebody should read, each said once."""
        for each in seen:
            self._picture.follow(each)
        if self._viewed_s is None or now_s - self._viewed_s >= _VIEW_S or look.events:
            self._viewed_s = now_s
            self.view = self._picture.view(seen, look, now_s, at_ns)
            self._exporter.show(self.view)
            self._save(self.view)
        if self._schedule.is_due(at_ns) and self.view is not None:
            self._report(self.view)
        lines, self._pending = tuple(self._pending), []
        return lines

    def close(self) -> None:
        """Stop answering, and leave no state behind that would pass for the present one."""
        self._exporter.close()
        state.remove(self._run_dir)

    def _save(self, view: FirmView) -> None:
        try:
            state.save(view, self._run_dir)
            newest = view.history[-1] if view.history else None
            if newest != self._saved_history:
                state.save_history(view.history, self._run_dir)
                self._saved_history = newest
            self._complaint = ""
        except OSError as error:
            self._complain(f"{error.filename}: {error.strerror}; the state of the firm is not written until it can be")

    def _report(self, view: FirmView) -> None:
        try:
            keep_report(report_of(view), self._run_dir, self._report_files)
        except OSError as error:
            self._complain(f"{error.filename}: {error.strerror}; a report that was due is not written")

    def _complain(self, line: str) -> None:
        if line != self._complaint:
            self._complaint = line
            self._pending.append(line)
