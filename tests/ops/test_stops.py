"""Who was stopped by an operator is kept on disk."""

from pathlib import Path

import pytest

from bus.errors import ConfigError, Fatal
from ops.supervision.stops import FILE, Stop, Stops

STOP = Stop("Ann", "it talks nonsense", 17)


def test_a_stop_is_there_after_a_restart_and_gone_after_its_release(tmp_path: Path) -> None:
    stops = Stops(tmp_path / "ops")
    assert stops.names() == ()
    stops.add("qbmia", STOP)
    stops.add("pads", STOP._replace(operator=""))
    again = Stops(tmp_path / "ops")
    assert again.names() == ("pads", "qbmia")
    assert again["qbmia"] == STOP
    assert (tmp_path / "ops" / FILE).stat().st_mode & 0o777 == 0o600
    again.remove("qbmia")
    assert Stops(tmp_path / "ops").names() == ("pads",)


@pytest.mark.parametrize("text", ["", "[1]", '{"qbmia": 1}', '{"qbmia": {"operator": "x"}}', "\0"])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=f"{FILE}: not a list of stopped agents; correct it, or remove it"):
        Stops(tmp_path)


def test_a_stop_that_cannot_be_kept_is_not_in_force(tmp_path: Path) -> None:
    stops = Stops(tmp_path)
    (tmp_path / FILE).mkdir()
    with pytest.raises(Fatal, match="make it writable"):
        stops.add("qbmia", STOP)
    assert "qbmia" not in stops
