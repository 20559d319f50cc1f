"""What a person should look at in a firm, and what to do about it: one rule a kind of trouble, each with its reason.

Pure: a view in, advice out.
"""

from collections.abc import Callable, Iterable
from typing import Final

from bus.message import Part
from ops.monitoring.monitor import FIRM, Health
from ops.monitoring.trouble import LAST_WORDS, WORDS
from ops.monitoring.view import AgentView, FirmView

DISK_MB: Final = 1_024.0
"""Free space below which there is little time left: every agent writes its journal."""
CLOCK_S: Final = 1.0
"""Clocks further apart than this make messages late: approvals and leases live for seconds."""
NEAR_LIMIT: Final = 0.9
LEAK_MB_AN_HOUR: Final = 20.0
INBOX_GROWTH: Final = 1.0
"""Messages a second by which an inbox may grow before somebody is told."""
INBOX_MANY: Final = 100
RECONNECTS: Final = 3
_SOON_H: Final = 24.0


class Advice(Part):
    """One recommendation: about whom, why, and what to do."""

    subject: str
    reason: str
    remedy: str


def advise(firm: FirmView) -> tuple[Advice, ...]:
    """Return what should be looked at, the firm's own troubles first."""
    found = list(_of_firm(firm))
    for agent in firm.agents:
        for rule in _RULES:
            found += rule(agent, firm)
    return tuple(found)


def _of_firm(firm: FirmView) -> Iterable[Advice]:
    if firm.watcher == "nobody":
        yield Advice(
            subject=FIRM,
            reason="neither a supervisor nor an observer watches: whatever dies stays dead, and nobody halts for it",
            remedy=f"run `boardroom up --run-dir {firm.run_dir}`, which takes over what still runs",
        )
    if firm.is_emergency:
        yield Advice(
            subject=FIRM,
            reason=f"{firm.failed_share:.0%} of its weight has failed ({', '.join(firm.failed)}), which ends the firm",
            remedy="see that the book is flat with `boardroom status`, mend what failed, and start it again",
        )
    if firm.disk_free_mb is not None and firm.disk_free_mb < DISK_MB:
        yield Advice(
            subject=FIRM,
            reason=f"{firm.disk_free_mb:.0f} MB are left where {firm.run_dir} lies; an agent with a full disk ends",
            remedy="make room, or move old run directories away",
        )


def _health(agent: AgentView, firm: FirmView) -> Iterable[Advice]:
    log = f"read {firm.run_dir}/logs/{agent.name}.log"
    start = f"`boardroom start {agent.name}`"
    match agent.health:
        case Health.LOST:
            yield Advice(subject=agent.name, reason=agent.why, remedy=f"{log}, mend the cause, then {start}")
        case Health.STOPPED:
            yield Advice(subject=agent.name, reason=agent.why, remedy=f"{start} when it is wanted again")
        case Health.HUNG | Health.DOWN:
            yield Advice(subject=agent.name, reason=agent.why, remedy=f"{log}; its watcher starts it again if it may")
        case _ if agent.restarts:
            times = "once" if agent.restarts == 1 else f"{agent.restarts} times"
            reason = f"it was started again {times}"
            yield Advice(subject=agent.name, reason=reason, remedy=f"{log} for what ended it")


def _memory(agent: AgentView, _: FirmView) -> Iterable[Advice]:
    used, limit, slope = agent.memory_mb, agent.memory_limit_mb, agent.memory_slope or 0.0
    raise_it = f"raise agents.{agent.name}.memory_mb, or give it fewer symbols"
    if limit and used >= NEAR_LIMIT * limit:
        yield Advice(subject=agent.name, reason=f"it uses {used:.0f} of the {limit} MB it may", remedy=raise_it)
    elif limit and slope > 0 and (limit - used) / slope < _SOON_H:
        hours = (limit - used) / slope
        reason = f"it grows by {slope:.1f} MB an hour and reaches its {limit} MB in {hours:.0f} h"
        yield Advice(subject=agent.name, reason=reason, remedy=raise_it)
    elif not limit and slope > LEAK_MB_AN_HOUR:
        reason = f"it grows by {slope:.1f} MB an hour, and has no limit"
        yield Advice(subject=agent.name, reason=reason, remedy=f"watch it, and set agents.{agent.name}.memory_mb")


def _inbox(agent: AgentView, _: FirmView) -> Iterable[Advice]:
    slope = agent.inbox_slope or 0.0
    if agent.inbox >= INBOX_MANY and slope > INBOX_GROWTH:
        reason = f"{agent.inbox} messages wait, and {slope:.0f} more every second: it is slower than what it hears"
        yield Advice(
            subject=agent.name,
            reason=reason,
            remedy="slow the market down (market.speed), trade fewer symbols, or run replicas of a seat",
        )


def _clock(agent: AgentView, _: FirmView) -> Iterable[Advice]:
    ahead_s = agent.clock_ahead_s or 0.0
    if abs(ahead_s) > CLOCK_S:
        word = "ahead of" if ahead_s > 0 else "behind"
        yield Advice(
            subject=agent.name,
            reason=f"its clock is {abs(ahead_s):.1f} s {word} that of its watcher: messages come late, leases lapse",
            remedy="set the clocks of both hosts by NTP",
        )


def _trouble(agent: AgentView, _: FirmView) -> Iterable[Advice]:
    for counter, remedy in _REMEDIES.items():
        count = agent.trouble.get(counter, 0)
        if count >= _LEAST.get(counter, 1):
            last = agent.report.get(LAST_WORDS.get(counter, ""), "")
            said = f"; the last: {last}" if last else ""
            yield Advice(subject=agent.name, reason=f"{count} {WORDS[counter]}{said}", remedy=remedy)


_REMEDIES: Final = {
    "unlawful": "find who sent them; if a key is in wrong hands, `boardroom keys --rotate`",
    "strangers": "find who else publishes on this Redis, and give the firm one of its own",
    "denied": "find who knocks; one of the firm's hosts may have an old copy of the keys",
    "misrouted": "compare bus.ports of all hosts: two agents may have one address",
    "misplaced": "find who sends them: no agent of this version does",
    "codec_errors": "see that all processes run the same version, and who else can reach the sockets",
    "invalid": "mend what sends them; `boardroom why` tells what became of the decision",
    "gaps_lost": "the agent abstains until its windows are whole; look at Redis and at the sender's log",
    "dropped": "slow the market down, or raise bus.inbox_messages",
    "refused": "slow the market down, or raise bus.inbox_messages",
    "undelivered": "see whether the recipient was down; orders that were not delivered were refused in public",
    "redis_lost": "look at Redis and the network to it; nothing was lost that the rings still held",
}
_LEAST: Final = {"redis_lost": RECONNECTS}
_RULES: Final[tuple[Callable[[AgentView, FirmView], Iterable[Advice]], ...]] = (
    _health, _memory, _inbox, _clock, _trouble,
)  # fmt: skip
