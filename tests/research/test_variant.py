"""What can be switched off is found in the models of the tables, and every such firm can be built."""

from pathlib import Path

import pytest

from bus.config import Settings
from bus.errors import ConfigError, Invalid
from bus.keys import make_keys
from research.ablation.variant import Kind, chosen, variants
from research.firm import build_agent
from tests.conftest import ROOT
from tests.research.planted import settings


def test_members_strategies_parts_and_models_are_found(tmp_path: Path) -> None:
    found = {variant.name: variant for variant in variants(settings(tmp_path))}
    assert [(name, variant.kind) for name, variant in found.items()] == [
        ("oracle", Kind.MEMBER),
        ("noise", Kind.MEMBER),
        ("still", Kind.MEMBER),
        ("consensus", Kind.MEMBER),
        ("adaptability", Kind.MEMBER),
        ("oracle.sight", Kind.STRATEGY),
        ("oracle.blink", Kind.STRATEGY),
        ("oracle.foresight", Kind.PART),
        ("models.quantum", Kind.QUANTUM),
    ]
    assert found["oracle"].overrides == {"agents": {"oracle": {"enabled": False}}}
    assert found["consensus"].overrides == {"pads": {"consensus_weight": 0}}
    assert found["oracle.sight"].overrides == {"oracle": {"strategies": {"sight": 0}}}
    assert found["oracle.foresight"].overrides == {"oracle": {"foresight": False}}
    assert found["models.quantum"].overrides == {"models": {"quantum": False}}


def test_a_member_is_labelled_as_on_the_board(tmp_path: Path) -> None:
    over = {"pads": {"stakes": {"oracle": {"member": "seer", "weight": 1.0}}}}
    labels = [variant.label for variant in variants(settings(tmp_path, over=over))]
    assert labels[:3] == ["oracle (seer)", "noise", "still"]


def test_what_is_off_already_is_no_variant(tmp_path: Path) -> None:
    over = {"models": {"quantum": False}, "oracle": {"foresight": False, "strategies": {"blink": 0}}}
    names = [variant.name for variant in variants(settings(tmp_path, over=over))]
    assert names == ["oracle", "noise", "still", "consensus", "adaptability", "oracle.sight"]


def test_patterns_pick_by_name(tmp_path: Path) -> None:
    found = variants(settings(tmp_path))
    assert chosen(found, []) == found
    assert [each.name for each in chosen(found, ["oracle*"])] == [
        "oracle", "oracle.sight", "oracle.blink", "oracle.foresight",
    ]  # fmt: skip
    assert [each.name for each in chosen(found, ["models.*", "noise"])] == ["noise", "models.quantum"]
    with pytest.raises(Invalid, match=r"nothing to switch off is called 'orcl'; there are oracle, noise"):
        chosen(found, ["oracle", "orcl"])


def test_the_shipped_firm_without_any_one_part_is_a_firm(tmp_path: Path) -> None:
    shipped = Settings.load(ROOT / "configs", tmp_path)
    make_keys(shipped.keys, 0)
    found = variants(shipped)
    names = [variant.name for variant in found]
    assert names[:5] == ["qbmia", "quasar", "quantum_amos", "consensus", "adaptability"]
    assert len(set(names)) == len(names)
    for variant in found:
        without = shipped.overridden(variant.overrides)
        for name in ("pads", *(seat for seat in names[:3] if seat in without.firm.enabled)):
            assert build_agent(without, name).name == name


def test_a_firm_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="but only 2 of the seats are enabled"):
        variants(settings(tmp_path, over={"pads": {"quorum": 3}, "agents": {"noise": {"enabled": False}}}))
