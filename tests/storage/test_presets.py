"""Presets of one's own: what they keep, and that they belong to a person."""

from typing import Any

import pytest

from storage import owned, presets
from storage.errors import NotFound
from storage.specs import RunSpec
from storage.tables import PresetRow

SPEC = RunSpec(
    name="Best", dataset_id="data", base_model_id="model", rank=64, learning_rate=1e-3,
    probe_prompts=("How are you?",), start_from="adapter:adapter_1",
)  # fmt: skip


def test_a_preset_keeps_what_has_an_effect_and_nothing_of_one_run_alone() -> None:
    kept = presets.settings_of(SPEC)
    assert (kept["rank"], kept["learning_rate"], kept["method"]) == (64, 1e-3, "sft")
    assert not {"name", "dataset_id", "base_model_id", "preset"} & set(kept)
    assert not {"probe_prompts", "start_from", "teacher_model_id"} & set(kept)
    assert "final_rank" not in kept
    assert set(kept) <= set(presets.KEPT)


def test_a_preset_is_kept_listed_deleted_and_brought_back(story: Any) -> None:
    made = presets.add(story.database, "anna", "Mine", {"rank": 4}, {"sweep": "sweep_1"})
    again = presets.add(story.database, "anna", "Mine", {"rank": 8})
    assert again.name == "Mine 2"
    assert presets.get(story.database, "anna", made.id) == made
    assert made.made_by == {"sweep": "sweep_1"}
    owned.mark_deleted(story.database, PresetRow, "anna", made.id, deleted=True)
    assert presets.all_of(story.database, "anna") == [again]
    assert presets.all_of(story.database, "anna", deleted=True)[0].id == made.id
    owned.mark_deleted(story.database, PresetRow, "anna", made.id, deleted=False)
    assert {one.id for one in presets.all_of(story.database, "anna")} == {made.id, again.id}


def test_nobody_sees_the_presets_of_somebody_else(story: Any) -> None:
    made = presets.add(story.database, "anna", "Mine", {"rank": 4})
    assert presets.all_of(story.database, "bert") == []
    with pytest.raises(NotFound, match="There is no preset"):
        presets.get(story.database, "bert", made.id)
