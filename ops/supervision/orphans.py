"""Ends what runs of a firm that nobody looks after any more."""

from bus.config import Settings
from bus.credentials import redis_names
from bus.redis_server import EMBEDDED, EmbeddedRedis
from bus.rundir import RunDir
from ops.config import ops_config
from ops.monitoring.monitor import REDIS
from ops.supervision.adoption import SUPERVISOR, end, left_behind
from ops.supervision.order import waves


def stop_orphans(settings: Settings) -> list[str]:
    """Stop what runs of a firm that no supervisor looks after; return who that was.

    Raises
    ------
    Fatal
        A supervisor does, or a process cannot be found.
    """
    run_dir = RunDir(settings.run_dir)
    lock = run_dir.lock(SUPERVISOR)
    lock.acquire()
    try:
        found = left_behind(run_dir)
        entries = settings.firm.enabled
        end(found, waves(entries), ops_config(settings).stop_s)
        redis = EmbeddedRedis(run_dir, settings.keys, redis_names(settings))
        names = sorted(found)
        if settings.firm.bus.redis_url == EMBEDDED and redis.adopt():
            redis.stop()
            names.append(REDIS)
        return names
    finally:
        lock.release()
