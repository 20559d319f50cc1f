"""The river library as QUASAR imports it: lean, and whole for whoever wants the rest."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_warm_seat_stays_below_200_megabytes_and_the_library_stays_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.quasar.warm"], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    mebibytes, answers, loaded, rest = json.loads(done.stdout)
    assert answers > 100
    assert loaded == []
    assert mebibytes <= 200.0
    assert rest == ["Gaussian", "StandardScaler", "HoeffdingTreeClassifier"]
