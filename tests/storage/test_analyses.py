"""A question is answered once for the same rows and the same weights, and kept."""

import pytest

from storage import analyses, work
from storage.analyses import Analysis, Kind
from storage.errors import NotFound, StudioError
from storage.status import WorkStatus
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow
from tests.storage.conftest import ANNA, Story


def answer(story: Story, **found: object) -> None:
    """Let a worker answer the oldest question."""
    row = work.claim(story.database, AnalysisRow, story.worker, 30)
    assert row is not None
    work.finish(story.database, AnalysisRow, (row.id, row.attempt), **found)


def tokens(story: Story, dataset: str, model: str, *, only: bool = True) -> Analysis:
    question = {"response_only": only}
    return analyses.ask(story.database, ANNA, dataset, Kind.TOKENS, question, model)


def test_the_same_question_is_answered_once(story: Story) -> None:
    dataset, model = story.dataset(), story.base_model()
    story.prepare()
    asked = tokens(story, dataset, model)
    assert tokens(story, dataset, model) == asked
    answer(story, result={"tokens": 12})
    found = tokens(story, dataset, model)
    assert (found.id, found.status, found.result) == (asked.id, WorkStatus.READY, {"tokens": 12})
    assert tokens(story, dataset, model, only=False).id != asked.id


def test_nobody_has_asked_yet_is_no_answer(story: Story) -> None:
    dataset = story.dataset()
    story.prepare()
    assert analyses.latest(story.database, ANNA, dataset, Kind.CARE) is None
    asked = analyses.ask(story.database, ANNA, dataset, Kind.CARE)
    assert analyses.latest(story.database, ANNA, dataset, Kind.CARE) == asked


def test_a_failed_one_is_asked_again(story: Story) -> None:
    dataset = story.dataset()
    story.prepare()
    first = analyses.ask(story.database, ANNA, dataset, Kind.CARE)
    row = work.claim(story.database, AnalysisRow, story.worker, 30)
    assert row is not None
    work.fail(story.database, AnalysisRow, (row.id, row.attempt), StudioError("No.", "Why."))
    assert analyses.get(story.database, ANNA, first.id).error == "No."
    assert analyses.ask(story.database, ANNA, dataset, Kind.CARE).id != first.id


def test_other_rows_or_other_weights_are_another_question(story: Story) -> None:
    dataset, model = story.dataset(), story.base_model()
    story.prepare()
    asked = tokens(story, dataset, model)
    for table, identifier in ((DatasetRow, dataset), (BaseModelRow, model)):
        with story.database.write() as session:
            session.get_one(table, identifier).fingerprint = "0" * 64
        again = tokens(story, dataset, model)
        assert again.id != asked.id
        asked = again


def test_only_the_owner_asks_and_only_of_what_is_ready(story: Story) -> None:
    dataset = story.dataset()
    with pytest.raises(StudioError, match="not ready"):
        analyses.ask(story.database, ANNA, dataset, Kind.CARE)
    story.prepare()
    with pytest.raises(NotFound):
        analyses.ask(story.database, "berta", dataset, Kind.CARE)
    asked = analyses.ask(story.database, ANNA, dataset, Kind.CARE)
    with pytest.raises(NotFound):
        analyses.get(story.database, "berta", asked.id)


def test_a_worker_claims_only_what_it_looks_for(story: Story) -> None:
    dataset = story.dataset()
    story.prepare()
    analyses.ask(story.database, ANNA, dataset, Kind.CARE)
    quick = AnalysisRow.kind.in_(analyses.QUICK)
    assert work.claim(story.database, AnalysisRow, story.worker, 30, quick) is None
    assert work.claim(story.database, AnalysisRow, story.worker, 30, ~quick) is not None
