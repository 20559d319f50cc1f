"""Run by the test of the library, in a process of its own: QUASAR alone, warm, and what it keeps in memory."""

import json
import math
import sys
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import bus.main  # noqa: F401  every agent's process has it
from bus.footprint import release_compiler
from bus.message import Envelope, Header, Message
from bus.messages import DecisionRequest, MarketUpdate, Outcome, PerformanceFeedback, Phase
from bus.stepper import Stepper
from quasar.agent import Quasar
from quasar.config import QuasarConfig

BARS = 200
HEAVY = ("pandas", "sqlalchemy", "sklearn", "scipy.stats._stats_py", "river.tree")


def close(bar: int) -> float:
    return 100.0 * math.exp(0.02 * math.sin(bar) + 0.01 * math.sin(bar * bar))


def messages(bar: int) -> list[Message]:
    price, move = Decimal(repr(close(bar))), math.log(close(bar) / close(bar - 1))
    outcome = Outcome.UP if move > 0.005 else Outcome.DOWN if move < -0.005 else Outcome.FLAT
    return [
        MarketUpdate(
            symbol="S", bar=bar, opened_ns=bar, open=price, high=price, low=price, close=price, volume=Decimal(9)
        ),
        PerformanceFeedback(
            decision_id=f"S-{bar - 1}", symbol="S", bar=bar, settled=bar, outcome=outcome, realized_return=move,
            scores=(), prior_log_score=-1.0, board_log_score=-1.0, identity_error=0.0,
        ),
        DecisionRequest(
            round_id=f"S-{bar}", symbol="S", bar=bar, horizon=1, band=0.005, prior=(0.3, 0.4, 0.3),
            position=Decimal(0), entry_price=Decimal(0), exposure=0.0, drawdown=0.0, phase=Phase.GROWTH,
            appetite=0.7, settled=bar, deadline_ns=1 << 60,
        ),
    ]  # fmt: skip


def main() -> None:
    """Print [mebibytes resident, answers with a belief, heavy modules loaded, what the rest of river still does]."""
    stepper = Stepper(Quasar(QuasarConfig()))
    for bar in range(1, BARS):
        if bar == BARS // 2:
            release_compiler()  # as an agent's process does once it is warm
        for n, message in enumerate(messages(bar)):
            header = Header(f"p:{bar}.{n}", f"p:{bar}.{n}", "", message.KIND, "pads", None, 0, 0, 0, 2)
            stepper.step(Envelope(header, message), 3 * bar + n)
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    loaded = [name for name in HEAVY if name in sys.modules]
    names = {"proba": "Gaussian", "preprocessing": "StandardScaler", "tree": "HoeffdingTreeClassifier"}
    rest = [str(getattr(import_module(f"river.{part}"), name)()) for part, name in names.items()]
    print(json.dumps([resident / 1024, stepper.agent.report()["answers"], loaded, rest]))


if __name__ == "__main__":
    main()
