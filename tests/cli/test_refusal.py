"""What the project refuses is one line on standard error, with every character it was written with."""

import sys

import pytest

from cli.main import run


def test_a_refusal_keeps_its_brackets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BOARDROOM_PADZ__KEY", "1")
    monkeypatch.setattr(sys, "argv", ["boardroom", "demo"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    assert "unknown table [padz]" in capsys.readouterr().err
