"""Runs that another version queued are listed, and run where they still mean the same."""

from typing import Any

import pytest

from storage import attempts, earlier_specs, runs
from storage.tables import RunRow

ANNA = "anna"


def stored(story: Any, change: dict[str, Any], without: tuple[str, ...] = ()) -> str:
    """Return the id of a queued run whose settings stand otherwise in its row."""
    run = story.queued()
    with story.database.write() as session:
        row = session.get_one(RunRow, run.id)
        kept = {name: value for name, value in row.spec.items() if name not in without}
        row.spec = kept | change
    return run.id


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({}, ()),
        ({"mix_in_dreams": None}, ()),
        ({"mix_in_dreams": False, "dream_words": []}, ()),
        ({"mix_in_dreams": 0.5}, ("mix_in_dreams",)),
        ({"optimizer": "sophia"}, ("optimizer",)),
        ({"rank": -3, "mix_in_dreams": True}, ("mix_in_dreams", "rank")),
    ],
)
def test_a_run_says_which_of_its_settings_are_not_understood_and_the_list_goes_on(
    story: Any, change: dict[str, Any], lost: tuple[str, ...]
) -> None:
    run_id = stored(story, change)
    story.queued()
    assert len(runs.all_of(story.database, ANNA)) == 2
    run = runs.get(story.database, ANNA, run_id)
    assert earlier_specs.lost(run.spec) == lost
    assert run.spec.dataset_id == run.dataset_id
    claimed = attempts.claim(story.database, story.worker, 30)
    assert claimed is not None
    assert (claimed.id, earlier_specs.lost(claimed.spec)) == (run_id, lost)


def test_a_setting_that_there_was_not_yet_has_its_default(story: Any) -> None:
    run_id = stored(story, {}, without=("probe_prompts", "retry_smaller", "processes"))
    spec = runs.get(story.database, ANNA, run_id).spec
    assert earlier_specs.lost(spec) == ()
    assert spec.processes == 1
