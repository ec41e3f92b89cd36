"""An address may ask for changes in a copied run; only settings can be changed, within limits."""

import pytest

from storage import specs
from storage.specs import RunSpec
from studio.components import asked

SPEC = specs.parse(
    {"name": "Try", "dataset_id": "data_1", "base_model_id": "model_1", "learning_rate": 2e-4}
)


def changes(text: str | None) -> dict[str, object]:
    """Return what an address changes in the settings."""
    before, after = SPEC.model_dump(), asked.changed(SPEC, text).model_dump()
    return {name: after[name] for name in before if before[name] != after[name]}


def test_what_is_asked_for_is_changed_and_told() -> None:
    assert changes("learning_rate:0.0001,epochs:1.5") == {"learning_rate": 1e-4, "epochs": 1.5}
    words = asked.told(SPEC, asked.changed(SPEC, "learning_rate:0.0001"))
    assert "Learning speed: 0\\.0002 → **0\\.0001**" in words
    assert asked.told(SPEC, SPEC) == ""


@pytest.mark.parametrize(
    "text",
    [
        None, "", "learning_rate", ":", "learning_rate:fast", "learning_rate:-1", "rank:0",
        "unknown:3", "dataset_id:data_2", "name:Mine", "learning_rate:0.0001,rank:0",
    ],
)  # fmt: skip
def test_what_is_no_setting_or_beyond_its_limits_changes_nothing(text: str | None) -> None:
    found: RunSpec = asked.changed(SPEC, text)
    assert found == SPEC
