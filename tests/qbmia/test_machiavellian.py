"""The watch over bars: what it says of a pump, and that it warns."""

import numpy as np
import pytest

from bus.message import Message
from bus.messages import DecisionResponse, RiskAlert
from kernels.arrays import Floats
from kernels.surveillance import DETECTORS, Signs
from qbmia.config import MachiavellianConfig
from qbmia.machiavellian import HALVES, score
from tests.qbmia.alone import alone
from tests.seats.driver import Table, bar, make, request, walk


def pumped(sign: float) -> Floats:
    rows = walk(1, 260)
    rows[-5:, 3] = rows[-6, 3] * np.exp(sign * 0.03 * np.arange(1, 6))
    rows[-5:, 0] = rows[-6:-1, 3]
    rows[-5:, 1], rows[-5:, 2] = rows[-5:, [0, 3]].max(axis=1), rows[-5:, [0, 3]].min(axis=1)
    rows[-5:, 4] *= 8.0
    return rows


def said(table: Table, rows: Floats) -> list[Message]:
    messages: list[Message] = []
    for number, row in enumerate(rows):
        table.hand(bar(number, row), "market")
        messages += table.hand(request(number))
    return messages


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_pump_is_warned_of_once_and_faded(sign: float) -> None:
    messages = said(alone("machiavellian"), pumped(sign))
    alerts = [message for message in messages if isinstance(message, RiskAlert)]
    responses = [message for message in messages if isinstance(message, DecisionResponse)]
    late = [alert for alert in alerts if alert.reason.endswith(tuple(str(number) for number in range(255, 260)))]
    assert len(late) == 1
    assert late[0].severity > 0.7
    assert late[0].source == "qbmia"
    last = responses[-1]
    assert last.severity > 0.7
    assert last.belief is not None
    assert sign * (last.belief[2] - last.belief[0]) < -0.01


def test_the_seat_is_told_how_severe_an_alert_must_be() -> None:
    seat = make("qbmia", alert_severity=1.0)
    assert not [message for message in said(Table(seat), pumped(1.0)) if isinstance(message, RiskAlert)]


def test_a_market_nobody_bends_is_left_alone() -> None:
    responses = [each for each in said(alone("machiavellian"), walk(1, 400)) if isinstance(each, DecisionResponse)]
    severe = [each for each in responses if each.severity > 0.7]
    assert len(severe) <= 4
    quiet = [each for each in responses if each.severity < 0.01 and each.belief is not None]
    assert len(quiet) > 100
    assert all(each.belief == pytest.approx((0.3, 0.4, 0.3), abs=1e-3) for each in quiet)


def test_a_score_is_half_at_its_deviations_and_grows() -> None:
    assert score(Signs(HALVES, 0.0), 1.0).tolist() == [0.5] * len(DETECTORS)
    assert score(Signs(HALVES, 0.0), 2.0).tolist() == pytest.approx([1 / 17] * len(DETECTORS))
    assert score(Signs(np.zeros(5), 0.0), 1.0).tolist() == [0.0] * len(DETECTORS)
    assert (score(Signs(np.full(5, 1e9), 0.0), 1.0) > 0.999).all()
    assert (np.diff([score(Signs(np.full(5, x), 0.0), 1.0) for x in (1.0, 2.0, 5.0)], axis=0) > 0.0).all()


def test_every_detector_can_raise_the_alarm() -> None:
    for k in range(len(DETECTORS)):
        deviations = np.zeros(len(DETECTORS))
        deviations[k] = 1.5 * HALVES[k]
        assert score(Signs(deviations, 0.0), 1.0)[k] > 0.7


def test_a_run_must_be_shorter_than_the_baseline() -> None:
    with pytest.raises(ValueError, match="below memory_bars"):
        MachiavellianConfig(memory_bars=20, fast_bars=20)


def test_without_half_a_baseline_it_abstains() -> None:
    responses = [each for each in said(alone("machiavellian"), walk(1, 130)) if isinstance(each, DecisionResponse)]
    assert responses[98].belief is None
    assert responses[99].belief is not None
