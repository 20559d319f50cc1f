"""A seat with a replica, as processes: killed or stopped in its tracks, and the ledger is that of one process."""

from contextlib import closing

import pytest
from sqlalchemy import select

from ops.compare import differences
from ops.harness import Firm
from ops.schema import decisions
from pads.roster import ranked
from research.replay import replay_firm
from tests.integration.conftest import CONFIGS, PATIENT, Finished

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PAIR = ("qbmia", "qbmia-2")
OWNER, OTHER = ranked("SPX", PAIR)
"""Who is asked of the S&P 500, and who when that one is gone."""
REPLICATED = PATIENT | {"agents": {"qbmia-2": {"role": "seat", "replica_of": "qbmia"}}}


def concluded(firm: Firm) -> int:
    return int(dict(firm.answer("market").report)["concluded"])


def absent(firm: Firm) -> int:
    return int(firm.report("pads").get("replicas_absent", -1))


def test_whichever_replica_is_gone_the_ledger_is_that_of_one_process(finished: Finished) -> None:
    with Firm(CONFIGS, REPLICATED) as firm:
        firm.wait(lambda: concluded(firm) >= 60 and absent(firm) == 0)
        firm.kill(OWNER)
        firm.wait(lambda: absent(firm) == 1)
        moved = concluded(firm)
        firm.wait(lambda: concluded(firm) >= moved + 60)
        firm.pause("market")  # so that bars are left for the second half
        firm.restart(OWNER)
        firm.wait(lambda: absent(firm) == 0)
        firm.pause(OTHER)
        firm.resume("market")
        firm.wait(lambda: absent(firm) == 1)
        moved = concluded(firm)
        firm.wait(lambda: concluded(firm) >= moved + 60)
        firm.resume(OTHER)
        firm.wait_done()
        told = dict(firm.answer("pads").report)
        assert (told["replicas_partial"], told["responses_taken"]) == (0, finished_answers(finished))
        firm.stop()
        with closing(firm.ledger()) as replicated, closing(finished.ledger()) as alone:
            assert differences(alone, replicated) == []
        assert [str(each) for replay in replay_firm(firm.settings) for each in replay.differences] == []


def finished_answers(finished: Finished) -> int:
    """Return how many answers of seats the undisturbed run had: three to each round; what has no band is no round."""
    with closing(finished.ledger()) as ledger:
        asked = ledger.read(select(decisions.c.decision_id).where(decisions.c.band > 0.0))
    return 3 * len(asked)
