"""What was deleted more than thirty days ago is gone for good, and nothing that is still used."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import (
    adapters,
    attempts,
    ballots,
    base_models,
    datasets,
    evaluations,
    ids,
    owned,
    purge,
    runs,
    votes,
    work,
)
from storage.ballots import Ballot, Pair
from storage.conversation_tables import AnswerRow, ConversationRow, RoundRow, VoteRow
from storage.errors import NotFound
from storage.evaluations import Wanted
from storage.metrics import Point, report
from storage.status import RunStatus, WorkStatus
from storage.tables import AdapterRow, BaseModelRow, DatasetRow, MetricPointRow, RunRow, now
from storage.trust_tables import EvaluationRow
from storage.votes import Outcome
from tests.fakes.spoken import Spoken

ANNA = "anna"
LONG_AGO, LATELY = timedelta(days=31), timedelta(days=29)


def delete(story: Any, table: Any, identifier: str, ago: timedelta = LONG_AGO) -> None:
    """Delete something so long ago."""
    with story.database.write() as session:
        session.get_one(table, identifier).deleted_at = now() - ago


def filled(folder: Path) -> Path:
    """Return a folder with something in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "content").write_text("something of a person's")
    return folder


def purged(story: Any) -> list[str]:
    """Return what a purge names."""
    return purge.purge(story.database, story.artifacts)


def ended_with_adapter(story: Any) -> tuple[runs.Run, str]:
    """Return a finished run and its adapter's id."""
    run = story.running()
    report(story.database, run.id, 1, [Point("loss", 1, 2.0)])
    adapter_id = ids.new("adapter")
    found = {"step": 1, "eval_loss": None, "bytes": 1, "sha256": "0" * 64}
    adapters.publish(story.database, run.id, 1, adapter_id, found)
    attempts.end(story.database, run.id, 1, RunStatus.FINISHED, "done")
    return run, adapter_id


def is_there(story: Any, table: Any, identifier: str) -> bool:
    """Tell whether there is a row, deleted or not."""
    with story.database.read() as session:
        return session.get(table, identifier) is not None


def test_what_can_still_be_brought_back_stays(story: Any) -> None:
    run, adapter_id = ended_with_adapter(story)
    folders = [filled(story.artifacts.run(run.id)), filled(story.artifacts.adapter(adapter_id))]
    for table, identifier in ((RunRow, run.id), (AdapterRow, adapter_id)):
        delete(story, table, identifier, LATELY)
    assert purged(story) == []
    owned.mark_deleted(story.database, RunRow, ANNA, run.id, deleted=False)
    assert all((folder / "content").is_file() for folder in folders)


def test_everything_of_a_run_goes_and_then_its_data_and_its_base_model(story: Any) -> None:
    run, adapter_id = ended_with_adapter(story)
    places = story.artifacts
    data = datasets.get(story.database, ANNA, run.dataset_id)
    folders = [
        filled(places.run(run.id)),
        filled(places.adapter(adapter_id)),
        filled(places.dataset(data.sha256)),
        filled(places.base_model(run.base_model_id)),
        filled(places.work(data.id)),
    ]
    rows = [
        (AdapterRow, adapter_id),
        (RunRow, run.id),
        (DatasetRow, run.dataset_id),
        (BaseModelRow, run.base_model_id),
    ]
    for table, identifier in rows:
        delete(story, table, identifier)
    assert purged(story) == [identifier for _, identifier in rows]
    assert not any(is_there(story, *row) for row in rows)
    assert [folder for folder in folders if folder.exists()] == []
    assert not list(story.home.glob("*/.deleted-*"))
    with story.database.read() as session:
        assert session.query(MetricPointRow).count() == 0
    assert purged(story) == []


def test_a_run_waits_for_its_adapter(story: Any) -> None:
    run, adapter_id = ended_with_adapter(story)
    folder = filled(story.artifacts.run(run.id))
    delete(story, RunRow, run.id)
    assert purged(story) == []
    assert folder.is_dir()
    assert adapters.get(story.database, ANNA, adapter_id).run_id == run.id


def test_of_data_that_a_run_still_names_the_content_goes_and_the_name_stays(story: Any) -> None:
    run, _ = ended_with_adapter(story)
    folder = filled(story.artifacts.dataset("a" * 64))
    delete(story, DatasetRow, run.dataset_id)
    assert purged(story) == [run.dataset_id]
    assert not folder.exists()
    (kept,) = datasets.all_of(story.database, ANNA, deleted=True)
    assert (kept.name, kept.status, kept.report) == ("Answers", WorkStatus.FAILED, None)
    assert "thirty days" in (kept.error or "")
    assert purged(story) == []


@pytest.mark.parametrize("owner", [ANNA, "ben"])
def test_a_file_that_another_dataset_has_too_stays(story: Any, owner: str) -> None:
    mine, other = story.dataset(), story.dataset(owner)
    folder = filled(story.artifacts.dataset("a" * 64))
    delete(story, DatasetRow, mine)
    assert purged(story) == [mine]
    assert folder.is_dir()
    delete(story, DatasetRow, other)
    assert purged(story) == [other]
    assert not folder.exists()


def test_a_persons_own_folder_is_never_touched(story: Any, tmp_path: Path) -> None:
    own = filled(tmp_path / "my-model")
    place = (base_models.Source.FOLDER, str(own))
    model = base_models.add(story.database, ANNA, "Mine", *place)
    delete(story, BaseModelRow, model.id)
    assert purged(story) == [model.id]
    assert (own / "content").is_file()
    with pytest.raises(NotFound):
        base_models.get(story.database, ANNA, model.id)


def test_what_a_worker_is_at_is_left_to_it(story: Any) -> None:
    run = story.running()
    delete(story, RunRow, run.id)
    assert purged(story) == []
    assert runs.all_of(story.database, ANNA, deleted=True)[0].status is RunStatus.RUNNING


def test_what_a_kill_left_between_the_two_is_removed_by_the_next(story: Any) -> None:
    left = filled(story.home / "runs" / ".deleted-run_000000000000")
    assert purged(story) == []
    assert not left.exists()


def test_an_evaluation_goes_with_its_answers_and_its_log_unless_it_is_worked_on(
    story: Any,
) -> None:
    wanted = Wanted("Asked", ["base:one"], ["One"], [{"text": "Why?"}])
    made = evaluations.ask(story.database, ANNA, wanted)
    row = work.claim(story.database, EvaluationRow, story.worker, 30)
    assert row is not None
    answer = evaluations.Answer(side=0, number=0, text="So.", ended="stop")
    evaluations.add_answers(story.database, (row.id, row.attempt), [answer])
    log = filled(story.artifacts.work(made.id))
    delete(story, EvaluationRow, made.id)
    assert purged(story) == []
    work.release(story.database, EvaluationRow, (row.id, row.attempt))
    assert purged(story) == [made.id]
    assert not log.exists()
    assert evaluations.answers(story.database, made.id) == []


def test_a_conversation_goes_with_its_answers_and_a_vote_when_it_was_taken_back_itself(
    story: Any,
) -> None:
    talk = Spoken(story.database, ["base:one", "base:two"], owner=ANNA)
    talk.ask("What helps?", {"base:one": "Rest.", "base:two": "Nothing."})
    pair = Pair(0, 1, Outcome("a"))
    (vote,) = ballots.cast(story.database, ANNA, ANNA, Ballot(talk.id, 1, (pair,)))
    delete(story, ConversationRow, talk.id)
    assert purged(story) == [talk.id]
    with story.database.read() as session:
        assert session.query(RoundRow).count() == session.query(AnswerRow).count() == 0
    assert votes.get(story.database, ANNA, vote.id).told["messages"]
    delete(story, VoteRow, vote.id)
    assert purged(story) == [vote.id]
