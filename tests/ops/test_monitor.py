"""How the firm is judged: hung, starting, failed, the score, the 30 % rule, and what is told of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import AgentEntry
from bus.messages import SystemEvent
from ops.config import OpsConfig
from ops.monitoring.monitor import FIRM, REDIS, Health, Look, Monitor, Seen
from ops.monitoring.trouble import RECORDED, WORDS
from tests.ops.sights import down, status, well

AT_NS = 1_000_000_000_000
CONFIG = OpsConfig(ready_s=60.0, hang_s=15.0, failed_after_s=30.0, ping_s=1.0, health_interval_s=30.0)
QUICK = CONFIG.model_copy(update={"failed_after_s": 2.0})


def entry(priority: str = "high", role: str = "service", restart: str = "on-failure") -> AgentEntry:
    return AgentEntry.model_validate({"priority": priority, "role": role, "restart": restart})


def look(monitor: Monitor, now_s: float, *seen: Seen) -> Look:
    return monitor.look(seen, now_s, AT_NS + round(now_s * 1e9))


def told(found: Look) -> list[tuple[str, str]]:
    return [(event.event, event.subject) for event in found.events]


def test_whoever_answers_and_works_is_healthy() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    found = look(monitor, 1.0, well("a", 1.0))
    assert found.health == {"a": Health.HEALTHY}
    assert (found.score, found.failed, found.failed_share, found.is_emergency) == (1.0, (), 0.0, False)
    assert told(found) == [("healthy", "a")]
    assert told(look(monitor, 2.0, well("a", 2.0))) == []


def test_whoever_does_not_answer_is_hung_one_moment_after_the_patience_ends() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    silent = well("a", 0.0)
    for now in range(16):
        assert look(monitor, now, silent).health["a"] is Health.HEALTHY
    assert not monitor.hung("a")
    found = look(monitor, 15.5, silent)
    assert found.health["a"] is Health.HUNG
    assert monitor.hung("a")
    assert monitor.why("a") == "it has not answered for 15.5 s"
    assert told(found) == [("hung", "a")]
    assert found.score == 0.0


def test_whoever_answers_but_handles_nothing_while_inputs_wait_is_hung() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    for now in range(1, 17):
        seen = Seen("a", status(inputs=7, inbox=3), float(now), 0.0, is_running=True)
        assert look(monitor, now, seen).health["a"] is Health.HEALTHY
    stuck = Seen("a", status(inputs=7, inbox=3), 17.0, 0.0, is_running=True)
    assert look(monitor, 17.0, stuck).health["a"] is Health.HUNG
    assert monitor.why("a") == "it has handled nothing for 16.0 s while 3 inputs wait"


@pytest.mark.parametrize(("inputs", "inbox"), [(8, 3), (7, 0)], ids=["it handled one", "nothing waits"])
def test_progress_or_an_empty_inbox_begins_the_patience_anew(inputs: int, inbox: int) -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    for now in range(1, 41):
        between = now == 14
        each = status(inputs=inputs if between else 7, inbox=inbox if between else 3)
        found = look(monitor, now, Seen("a", each, float(now), 0.0, is_running=True))
        last_change = 14 if inbox else 15  # the wait that counts begins with the first answer after the change
        last_change = 15 if inputs == 8 else last_change
        assert (found.health["a"] is Health.HUNG) == (now - last_change > 15)


def test_an_idle_agent_with_nothing_to_do_is_healthy_for_ever() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    for now in range(0, 1_000, 5):
        seen = Seen("a", status(inputs=7), float(now), 0.0, is_running=True)
        assert look(monitor, now, seen).health["a"] is Health.HEALTHY


def test_a_start_has_its_grace_and_no_more() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    for now in range(61):
        found = look(monitor, now, Seen("a", None, 0.0, 0.0, is_running=True))
        assert (found.health["a"], found.failed, found.score) == (Health.STARTING, (), 0.0)
    assert look(monitor, 60.5, Seen("a", None, 0.0, 0.0, is_running=True)).health["a"] is Health.HUNG
    assert monitor.why("a") == "it was not ready within 60 s"


def test_an_answer_of_an_earlier_process_says_nothing_of_this_one() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    look(monitor, 9.0, well("a", 9.0))
    seen = well("a", 9.0)._replace(since_s=10.0)
    assert look(monitor, 11.0, seen).health["a"] is Health.STARTING


def test_whoever_is_down_has_failed_after_its_time_and_not_before() -> None:
    monitor = Monitor({"a": entry(), "b": entry()}, CONFIG)
    look(monitor, 0.0, well("a", 0.0), well("b", 0.0))
    for now in range(1, 31):
        found = look(monitor, now, well("a", now), down("b"))
        assert (found.health["b"], found.failed) == (Health.RECOVERING, ())
    found = look(monitor, 31.0, well("a", 31.0), down("b"))
    assert (found.health["b"], found.failed, found.failed_share) == (Health.DOWN, ("b",), 0.5)
    assert told(found) == [("down", "b"), ("failed", "b"), ("emergency", FIRM)]


def test_a_crash_loop_fails_although_each_start_has_its_grace() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    look(monitor, 0.0, well("a", 0.0))
    for now in range(1, 32):
        each = down("a") if now % 2 else Seen("a", None, 0.0, float(now), is_running=True)
        found = look(monitor, now, each)
        assert found.failed == (("a",) if now == 31 else ())
    assert look(monitor, 32.0, well("a", 32.0)).failed == ()


def test_whoever_is_given_up_has_failed_at_once() -> None:
    monitor = Monitor({"a": entry(), "b": entry()}, CONFIG)
    found = look(monitor, 0.0, well("a", 0.0), down("b")._replace(is_lost=True, restarts=3))
    assert (found.health["b"], found.failed) == (Health.LOST, ("b",))
    assert monitor.why("b") == "it was given up after 3 restarts"


def test_whoever_is_never_restarted_is_down_and_not_recovering() -> None:
    monitor = Monitor({"a": entry(restart="never")}, CONFIG)
    assert look(monitor, 0.0, down("a")).health["a"] is Health.DOWN


def test_the_score_is_weighted_by_priority() -> None:
    entries = {"a": entry("critical"), "b": entry("high"), "c": entry("medium")}
    monitor = Monitor(entries, CONFIG)
    assert look(monitor, 0.0, well("a", 0.0), well("b", 0.0), down("c")).score == 5 / 6
    assert look(monitor, 1.0, well("a", 1.0), down("b"), well("c", 1.0)).score == 4 / 6
    assert look(monitor, 2.0, down("a"), well("b", 2.0), well("c", 2.0)).score == 3 / 6


def test_redis_counts_as_critical() -> None:
    monitor = Monitor({"a": entry("critical")}, CONFIG)
    found = look(monitor, 0.0, well("a", 0.0), Seen(REDIS, None, 0.0, 0.0, is_running=True))
    assert (found.health[REDIS], found.score) == (Health.HEALTHY, 1.0)
    found = look(monitor, 1.0, well("a", 1.0), down(REDIS))
    assert (found.health[REDIS], found.score) == (Health.RECOVERING, 0.5)


def test_a_redis_that_does_not_answer_is_hung() -> None:
    monitor = Monitor({}, CONFIG)
    silent = Seen(REDIS, None, 0.0, 0.0, is_running=True)
    found = [look(monitor, float(now), silent).health[REDIS] for now in range(17)]
    assert found == [Health.HEALTHY] * 16 + [Health.HUNG]


def test_what_an_operator_stopped_counts_neither_for_nor_against() -> None:
    monitor = Monitor({"a": entry(), "b": entry("critical")}, QUICK)
    for now in range(100):
        found = look(monitor, now, well("a", now), down("b")._replace(is_stopped=True))
        assert (found.health["b"], found.score, found.failed, found.is_emergency) == (Health.STOPPED, 1.0, (), False)


def test_a_firm_of_which_everything_is_stopped_is_not_unwell() -> None:
    found = look(Monitor({"a": entry()}, CONFIG), 0.0, down("a")._replace(is_stopped=True))
    assert (found.score, found.failed_share, found.is_emergency) == (1.0, 0.0, False)


def test_an_agent_that_is_not_enabled_does_not_count_and_one_not_seen_is_down() -> None:
    entries = {"a": entry(), "off": AgentEntry(enabled=False), "unseen": entry()}
    found = look(Monitor(entries, CONFIG), 0.0, well("a", 0.0))
    assert found.health == {"a": Health.HEALTHY, "unseen": Health.RECOVERING}
    assert found.score == 0.5


@pytest.mark.parametrize(("failed", "is_emergency"), [(2, False), (3, True)])
def test_thirty_percent_of_the_weight_is_an_emergency_and_less_is_none(failed: int, is_emergency: bool) -> None:
    names = [f"agent{number}" for number in range(10)]
    monitor = Monitor({name: entry("medium") for name in names}, QUICK)
    for now in (0.0, 1.0, 2.0):
        gone = names[:failed]
        found = look(monitor, now, *(down(name) if name in gone else well(name, now) for name in names))
    assert (found.failed, found.is_emergency) == (tuple(names[:failed]), is_emergency)


def test_an_emergency_is_told_once() -> None:
    monitor = Monitor({"a": entry()}, QUICK)
    told_of = [event for now in range(6) for event in told(look(monitor, float(now), down("a")))]
    assert told_of.count(("emergency", FIRM)) == 1


def test_a_lost_gate_is_named() -> None:
    monitor = Monitor({"risk": entry(role="gate"), "seat": entry(role="seat"), "a": entry()}, CONFIG)
    lost = [down(name)._replace(is_lost=True) for name in ("risk", "seat")]
    found = look(monitor, 0.0, *lost, well("a", 0.0))
    assert (found.failed, monitor.lost_gates(found)) == (("risk", "seat"), ("risk",))


def test_time_in_which_nobody_looked_is_nobodys_silence() -> None:
    monitor = Monitor({"a": entry(), "b": entry()}, CONFIG)
    look(monitor, 0.0, well("a", 0.0), well("b", 0.0))
    look(monitor, 1.0, well("a", 1.0), down("b"))
    found = look(monitor, 500.0, well("a", 1.0), down("b"))
    assert (found.health, found.failed) == ({"a": Health.HEALTHY, "b": Health.RECOVERING}, ())
    for now in range(501, 516):
        look(monitor, now, well("a", 1.0), down("b"))
    assert look(monitor, 516.0, well("a", 1.0), down("b")).health["a"] is Health.HUNG


def counted(count: int, *, counter: str = "unlawful", incarnation: int = 1, answered_s: float) -> Seen:
    report = (("last_unlawful", "ORDER_APPROVED/1 x:1 by x"),)
    told = status(counters=((counter, count), ("duplicates", 10 * count)), incarnation=incarnation, report=report)
    return Seen("a", told, answered_s, 0.0, is_running=True)


def rises(found: Look) -> list[tuple[str, str | int | float]]:
    return [(event.event, dict(event.facts)["rose"]) for event in found.events if event.event in WORDS]


def test_a_counter_of_trouble_that_rises_becomes_an_event() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    look(monitor, 0.0, well("a", 0.0))
    found = look(monitor, 1.0, counted(3, answered_s=1.0))
    event = next(each for each in found.events if each.event == "unlawful")
    assert (event.subject, dict(event.facts)) == ("a", {"rose": 3, "total": 3})
    assert event.detail == "3 frames by somebody who may not send them; the last: ORDER_APPROVED/1 x:1 by x"
    assert rises(look(monitor, 2.0, counted(3, answered_s=2.0))) == []


def test_rises_in_quick_succession_are_told_together_and_none_is_forgotten() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    found = [rise for now in range(61) for rise in rises(look(monitor, now, counted(now + 1, answered_s=float(now))))]
    assert found == [("unlawful", 1), ("unlawful", 30), ("unlawful", 30)]


def test_counters_that_begin_again_with_a_new_process_are_no_rise_and_what_it_refuses_is() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    assert rises(look(monitor, 0.0, counted(5, answered_s=0.0))) == [("unlawful", 5)]
    assert rises(look(monitor, 40.0, counted(0, incarnation=2, answered_s=40.0))) == []
    assert rises(look(monitor, 80.0, counted(2, incarnation=2, answered_s=80.0))) == [("unlawful", 2)]


def test_what_a_process_took_over_from_its_snapshot_is_told_once() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    assert rises(look(monitor, 0.0, counted(5, counter="invalid", answered_s=0.0))) == []
    assert rises(look(monitor, 1.0, counted(6, counter="invalid", answered_s=1.0))) == [("invalid", 1)]
    assert rises(look(monitor, 50.0, counted(6, counter="invalid", incarnation=2, answered_s=50.0))) == []
    assert rises(look(monitor, 90.0, counted(7, counter="invalid", incarnation=2, answered_s=90.0))) == [("invalid", 1)]


def test_the_same_answer_looked_at_twice_counts_once() -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    found = [rises(look(monitor, now, counted(5, answered_s=0.0))) for now in (0.0, 100.0, 200.0)]
    assert found == [[("unlawful", 5)], [], []]


def test_the_history_keeps_the_score_at_its_interval_and_when_it_changes() -> None:
    monitor = Monitor({"a": entry(), "b": entry()}, CONFIG.model_copy(update={"history": 4}))
    for now in range(91):
        look(monitor, now, well("a", now), down("b") if now == 40 else well("b", now))
    times = [((at_ns - AT_NS) / 1e9, score) for at_ns, score in monitor.history]
    assert times == [(30.0, 1.0), (40.0, 0.5), (41.0, 1.0), (71.0, 1.0)]


STATES = st.sampled_from(["well", "down", "lost", "stopped", "silent"])


def test_the_history_begins_when_the_first_start_is_over_and_later_starts_count() -> None:
    monitor = Monitor({"a": entry(), "b": entry()}, CONFIG)
    starting = Seen("b", None, 0.0, 0.0, is_running=True)
    look(monitor, 0.0, well("a", 0.0), starting)
    assert not monitor.history
    look(monitor, 1.0, well("a", 1.0), well("b", 1.0))
    look(monitor, 2.0, well("a", 2.0), starting._replace(since_s=1.5))
    assert [score for _, score in monitor.history] == [1.0, 0.5]


def in_state(name: str, state: str, now_s: float) -> Seen:
    match state:
        case "well":
            return well(name, now_s)
        case "silent":
            return well(name, 0.0)
        case _:
            return down(name)._replace(is_lost=state == "lost", is_stopped=state == "stopped")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(STATES, min_size=4, max_size=4), min_size=1, max_size=12))
def test_score_and_failed_share_are_shares_and_never_overlap(story: list[list[str]]) -> None:
    names = ["a", "b", "c", "d"]
    priorities = ["critical", "high", "medium", "medium"]
    monitor = Monitor({name: entry(each) for name, each in zip(names, priorities, strict=True)}, QUICK)
    for now, states in enumerate(story):
        seen = [in_state(name, state, float(now)) for name, state in zip(names, states, strict=True)]
        found = look(monitor, float(now), *seen)
        assert 0.0 <= found.score <= 1.0
        assert 0.0 <= found.failed_share <= 1.0
        counted_names = [name for name in names if found.health[name] is not Health.STOPPED]
        assert set(found.failed) <= set(counted_names)
        healthy = [name for name in counted_names if found.health[name] is Health.HEALTHY]
        assert not set(found.failed) & set(healthy)
        assert found.score + found.failed_share <= 1.0 + 1e-12
        weights = {"a": 3, "b": 2, "c": 1, "d": 1}
        total = sum(weights[name] for name in counted_names)
        assert found.score == (sum(weights[name] for name in healthy) / total if total else 1.0)
        assert found.is_emergency == (10 * sum(weights[name] for name in found.failed) >= 3 * total > 0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_events_add_up_to_what_was_counted(steps: list[tuple[int, bool]]) -> None:
    monitor = Monitor({"a": entry()}, CONFIG)
    total = process_total = 0
    incarnation = 1
    events: list[SystemEvent] = []
    now = 0.0
    for more, is_new_process in steps:
        now += 1.0
        if is_new_process:
            incarnation, process_total = incarnation + 1, 0
        process_total, total = process_total + more, total + more
        events += look(monitor, now, counted(process_total, incarnation=incarnation, answered_s=now)).events
    events += look(monitor, now + 100.0, counted(process_total, incarnation=incarnation, answered_s=now)).events
    assert sum(int(dict(event.facts)["rose"]) for event in events if event.event == "unlawful") == total


def test_every_counter_told_has_words() -> None:
    assert set(WORDS) >= RECORDED
