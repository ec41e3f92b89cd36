"""Saved states: what may go, what stays, and what a clean-up of many runs frees."""

from pathlib import Path
from typing import Any

import pytest

from storage import artifacts, attempts, checkpoints, ids, metrics, runs, saved_states
from storage.artifacts import Artifacts
from storage.errors import NotFound, StudioError
from storage.runs import Run
from storage.status import RunStatus

ANNA, BEN = "anna", "ben"


@pytest.fixture
def files(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "files")


def save(files: Artifacts, run_id: str, step: int, loss: float | None, attempt: int = 1) -> None:
    """Leave a saved state of 100 bytes."""
    target = checkpoints.folder_of(files.run(run_id)) / checkpoints.name_of(step, attempt)
    about = {"step": step, "attempt": attempt, "eval_loss": loss}
    with artifacts.staged(target, about) as staging:
        (staging / "optimizer.pt").write_bytes(b"x" * 100)


def ended(story: Any, files: Artifacts, status: RunStatus = RunStatus.FINISHED) -> Run:
    """Return a run that has ended after step 3; its second state is the best."""
    run = story.running()
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
        save(files, run.id, step, loss)
    metrics.report(story.database, run.id, run.attempt, [], checkpoint_step=3)
    return attempts.end(story.database, run.id, run.attempt, status, "ended")


def steps(story: Any, files: Artifacts, run: Run) -> list[int]:
    return [one.step for one in saved_states.of_run(story.database, files, ANNA, run.id)]


def test_each_state_tells_what_it_is_for(story: Any, files: Artifacts) -> None:
    run = ended(story, files)
    newest, best, first = saved_states.of_run(story.database, files, ANNA, run.id)
    assert (newest.step, newest.is_newest, newest.is_best, newest.kept_because) == (
        3, True, False, "",
    )  # fmt: skip
    assert (best.step, best.is_best, best.eval_loss) == (2, True, 1.0)
    assert "what you talk to and download" in best.kept_because
    assert (first.name, first.bytes) == (f"checkpoint:{run.id}:1", 100)


def test_the_best_one_stays_and_others_go_one_by_one(story: Any, files: Artifacts) -> None:
    run = ended(story, files)
    with pytest.raises(StudioError, match="step 2 stays"):
        saved_states.delete(story.database, files, ANNA, run.id, 2)
    saved_states.delete(story.database, files, ANNA, run.id, 3)
    assert steps(story, files, run) == [2, 1]
    assert runs.get(story.database, ANNA, run.id).checkpoint_step == 2
    with pytest.raises(NotFound):
        saved_states.delete(story.database, files, ANNA, run.id, 3)
    with pytest.raises(NotFound):
        saved_states.delete(story.database, files, BEN, run.id, 1)


def test_under_way_the_newest_stays_and_the_columns_are_the_workers(
    story: Any, files: Artifacts
) -> None:
    run = story.running()
    for step, loss in ((1, 1.0), (2, 3.0), (3, 2.0)):
        save(files, run.id, step, loss)
    metrics.report(story.database, run.id, run.attempt, [], checkpoint_step=3)
    with pytest.raises(StudioError, match="step 3 stays"):
        saved_states.delete(story.database, files, ANNA, run.id, 3)
    saved_states.delete(story.database, files, ANNA, run.id, 2)
    assert steps(story, files, run) == [3, 1]
    assert saved_states.clean(story.database, files, ANNA, [run.id]) == 0


def test_both_attempts_at_a_step_are_one_state(story: Any, files: Artifacts) -> None:
    run = ended(story, files)
    save(files, run.id, 3, None, attempt=2)
    assert steps(story, files, run) == [3, 2, 1]
    saved_states.delete(story.database, files, ANNA, run.id, 3)
    assert steps(story, files, run) == [2, 1]


@pytest.mark.parametrize(
    ("status", "left"), [(RunStatus.FINISHED, [2]), (RunStatus.STOPPED, [3, 2])]
)
def test_a_clean_up_keeps_the_best_and_what_a_stopped_run_goes_on_from(
    story: Any, files: Artifacts, status: RunStatus, left: list[int]
) -> None:
    run = ended(story, files, status)
    [space] = saved_states.spaces(story.database, files, ANNA)
    assert (space.run_id, space.count, space.bytes) == (run.id, 3, 300)
    assert space.freeable == 100 * (3 - len(left))
    assert saved_states.clean(story.database, files, ANNA, [run.id]) == space.freeable
    assert steps(story, files, run) == left
    assert saved_states.spaces(story.database, files, BEN) == []
    with pytest.raises(NotFound):
        saved_states.clean(story.database, files, ANNA, [ids.new("run")])
