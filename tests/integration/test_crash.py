"""kill -9 of any agent, and of Redis, in the middle of a run: the ledger is that of an undisturbed run."""

from contextlib import closing

import pytest

from ops.compare import differences
from ops.harness import Firm
from research.replay import replay_firm
from tests.integration.conftest import CONFIGS, PATIENT, Finished

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
AGENTS = ("market", "pads", "qbmia", "quasar", "quantum_amos", "compliance", "risk", "execution", "recorder")


def concluded(firm: Firm) -> int:
    return int(firm.report("market").get("concluded", 0))


@pytest.mark.parametrize("victim", AGENTS)
def test_a_killed_agent_goes_on_and_the_ledger_is_the_same(victim: str, finished: Finished) -> None:
    with Firm(CONFIGS, PATIENT) as firm:
        firm.wait(lambda: concluded(firm) >= 40 + 7 * AGENTS.index(victim))
        firm.kill(victim)
        firm.restart(victim)
        firm.wait_done()
        assert firm.answer(victim).incarnation == 2
        firm.stop()
        with closing(firm.ledger()) as disturbed, closing(finished.ledger()) as undisturbed:
            assert differences(undisturbed, disturbed) == []
        assert [str(each) for replay in replay_firm(firm.settings) for each in replay.differences] == []


def test_redis_killed_and_started_again_loses_nothing(finished: Finished) -> None:
    with Firm(CONFIGS, PATIENT) as firm:
        firm.wait(lambda: concluded(firm) >= 60)
        firm.kill_redis()
        firm.wait_done()
        firm.stop()
        with closing(firm.ledger()) as disturbed, closing(finished.ledger()) as undisturbed:
            assert differences(undisturbed, disturbed) == []


def test_a_paused_agent_is_waited_for(finished: Finished) -> None:
    with Firm(CONFIGS, PATIENT) as firm:
        firm.wait(lambda: concluded(firm) >= 50)
        firm.pause("quasar")
        before = concluded(firm)
        firm.idle(1.0)
        assert concluded(firm) <= before + 1
        firm.resume("quasar")
        firm.wait_done()
        firm.stop()
        with closing(firm.ledger()) as disturbed, closing(finished.ledger()) as undisturbed:
            assert differences(undisturbed, disturbed) == []
