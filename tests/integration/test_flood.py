"""Nine processes through a flood of bars: every alert reaches every agent, every bar is handled or counted."""

import pytest

from research.bench.flood import NAMES, SOURCE, run, unaccounted

pytestmark = pytest.mark.integration
UPDATES = 15_000
ROOM_MB = 60.0
"""What one agent may grow by: an inbox of 10,000 bars, and what it has read and not yet put away."""


def test_alerts_reach_everybody_and_no_bar_goes_missing_unsaid() -> None:
    flood = run(UPDATES, 1, idle_s=0.5)
    assert flood.published == UPDATES
    first, last = flood.floods[0]
    sent = {name: sorted(at for at, _ in heard.alerts if first <= at <= last) for name, heard in flood.heard.items()}
    assert sent[SOURCE]
    for name in NAMES:
        heard = flood.heard[name]
        assert sent[name] == sent[SOURCE]
        assert heard.is_whole
        assert heard.gapped == 0
        assert heard.rss_mb[1] - heard.rss_mb[0] < ROOM_MB
        if name != SOURCE:
            assert unaccounted(heard, UPDATES) == 0
            assert len(heard.newest) == 50
            assert set(heard.newest.values()) == {UPDATES // 50 - 1}
