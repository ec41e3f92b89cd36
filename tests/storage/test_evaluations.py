"""Questions for several contestants: kept as they were asked, and answered under a lease."""

import pytest
from sqlalchemy import select

from storage import evaluations, owned, work
from storage.errors import NotFound, Superseded
from storage.evaluations import Answer, Evaluation, Kind, Wanted
from storage.status import WorkStatus
from storage.trust_tables import EvaluationAnswerRow, EvaluationRow
from tests.storage.conftest import ANNA, Story

BOTH = ["base:one", "adapter:two"]
QUESTIONS = [{"text": f"Question {n}?"} for n in range(3)]


def asked(story: Story, owner: str = ANNA, kind: Kind = Kind.ANSWERS) -> Evaluation:
    """Return an evaluation that waits."""
    wanted = Wanted("Round one", BOTH, ["One", "Two"], QUESTIONS, {"temperature": 0}, kind)
    return evaluations.ask(story.database, owner, wanted)


def claimed(story: Story) -> tuple[str, int]:
    """Let a worker claim the oldest that waits."""
    row = work.claim(story.database, EvaluationRow, story.worker, 30)
    assert row is not None
    return row.id, row.attempt


def said(side: int, number: int, text: str = "Yes.") -> Answer:
    return Answer(side=side, number=number, text=text, ended="stop", facts={"tokens": 2})


def test_what_was_asked_is_kept_as_it_was(story: Story) -> None:
    made = asked(story)
    assert (made.status, made.questions, made.answered) == (WorkStatus.WAITING, 3, 0)
    assert evaluations.get(story.database, ANNA, made.id) == made
    assert (made.contestants, made.titles, made.prompts) == (BOTH, ["One", "Two"], QUESTIONS)
    with pytest.raises(NotFound):
        evaluations.get(story.database, "bert", made.id)


def test_the_list_has_ones_own_of_a_kind_newest_first_with_counts(story: Story) -> None:
    first, second = asked(story), asked(story, kind=Kind.SAFETY)
    asked(story, "bert")
    evaluations.add_answers(story.database, claimed(story), [said(0, 0), said(1, 0)])
    found = evaluations.all_of(story.database, ANNA)
    assert [(one.id, one.questions, one.answered) for one in found] == [
        (second.id, 3, 0),
        (first.id, 3, 2),
    ]
    only = evaluations.all_of(story.database, ANNA, Kind.SAFETY)
    assert [one.id for one in only] == [second.id]


def test_answers_come_by_question_and_side_whatever_order_they_were_written_in(
    story: Story,
) -> None:
    made, key = asked(story), claimed(story)
    evaluations.add_answers(story.database, key, [said(1, 0), said(0, 2), said(0, 0)])
    found = evaluations.answers(story.database, made.id)
    assert [(one.number, one.side) for one in found] == [(0, 0), (0, 1), (2, 0)]
    assert found[0] == said(0, 0)
    some = evaluations.answers(story.database, made.id, [2])
    assert [(one.number, one.side) for one in some] == [(2, 0)]
    assert evaluations.answered(story.database, made.id) == {(1, 0), (0, 2), (0, 0)}


def test_an_attempt_that_is_over_adds_no_answers(story: Story) -> None:
    made, first = asked(story), claimed(story)
    evaluations.add_answers(story.database, first, [said(0, 0)])
    work.crashed(story.database, EvaluationRow, first, "killed")
    with pytest.raises(Superseded):
        evaluations.add_answers(story.database, first, [said(0, 1)])
    second = claimed(story)
    with pytest.raises(Superseded):
        evaluations.add_answers(story.database, first, [said(0, 1)])
    evaluations.add_answers(story.database, second, [said(0, 1)])
    assert evaluations.answered(story.database, made.id) == {(0, 0), (0, 1)}


def test_deleting_ends_the_work_and_bringing_back_lets_it_wait(story: Story) -> None:
    made, key = asked(story), claimed(story)
    evaluations.delete(story.database, ANNA, made.id)
    assert evaluations.all_of(story.database, ANNA) == []
    assert [one.id for one in evaluations.all_of(story.database, ANNA, deleted=True)] == [made.id]
    with pytest.raises(Superseded):
        work.report(story.database, EvaluationRow, key, 0.5, "1 of 2 answers")
    assert work.claim(story.database, EvaluationRow, story.worker, 30) is None
    evaluations.restore(story.database, ANNA, made.id)
    assert claimed(story) == (made.id, 2)


def test_the_result_is_there_when_it_is_ready_and_answers_go_with_it(story: Story) -> None:
    made, key = asked(story), claimed(story)
    evaluations.add_answers(story.database, key, [said(0, 0)])
    work.finish(story.database, EvaluationRow, key, result={"differ": 1})
    found = evaluations.get(story.database, ANNA, made.id)
    assert (found.status, found.result) == (WorkStatus.READY, {"differ": 1})
    with story.database.write() as session:
        session.delete(owned.one(session, EvaluationRow, ANNA, made.id))
    with story.database.read() as session:
        assert session.scalars(select(EvaluationAnswerRow)).all() == []
