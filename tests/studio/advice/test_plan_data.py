"""What the card before Start says of the data: what cannot be learned from, what is kept aside."""

import pytest

from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import plan as advice
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.plan import Plan
from tests.studio.advice.conftest import base, dataset

HERE = Machine(cores=2, free_memory=64_000_000_000)


def planned(facts: ModelFacts, settings: dict[str, object] | None = None, **data: object) -> Plan:
    """Return the plan for data like this."""
    told = {"dataset_id": "data_1", "base_model_id": "model_1", "max_length": 128, "rank": 8}
    spec = RunSpec.model_validate({**told, **(settings or {})})
    return advice.plan(spec, Known(dataset(**data), base(), facts), HERE)  # type: ignore[arg-type]


def faults(plan: Plan) -> dict[str, str]:
    """Return the faults by field."""
    return {fault.field: fault.message for fault in plan.faults}


@pytest.mark.parametrize("target", ["preference", "labelled"])
def test_data_that_does_not_fit_the_way_of_learning_is_refused_with_a_way_on(
    facts: ModelFacts, target: str
) -> None:
    told = faults(planned(facts, target=target))
    assert told.keys() == {"dataset_id"}
    assert "needs conversations or plain text" in told["dataset_id"]
    assert "Choose" in told["dataset_id"]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("sft", "chat"), ("sft", "text"), ("sft", None), ("pretrain", "text"),
        ("dpo", "preference"), ("kto", "labelled"), ("kto", "preference"),
        ("orpo", "preference"), ("reward", "preference"),
    ],
)  # fmt: skip
def test_each_way_learns_from_the_data_that_fits_it(
    facts: ModelFacts, method: str, target: str | None
) -> None:
    assert faults(planned(facts, {"method": method, "batch_size": 2}, target=target)) == {}


@pytest.mark.parametrize(
    ("rows", "words"), [(0, "holds no good example"), (1, "holds one good example")]
)
def test_data_of_one_row_or_none_is_refused(facts: ModelFacts, rows: int, words: str) -> None:
    assert words in faults(planned(facts, rows=rows))["dataset_id"]


def test_data_that_waits_for_an_answer_says_so(facts: ModelFacts) -> None:
    told = faults(planned(facts, status=WorkStatus.UNSURE, target=None, report=None))
    assert "which column" in told["dataset_id"]


def test_rows_that_the_data_keeps_for_the_exam_are_counted_in_place_of_the_share(
    facts: ModelFacts,
) -> None:
    marked = planned(facts, {"eval_share": 0.5}, rows_held_out=100)
    unmarked = planned(facts, {"eval_share": 0.2})
    assert (marked.steps, marked.tokens) == (unmarked.steps, unmarked.tokens)
    warned = {warning.field: warning.message for warning in marked.warnings}
    assert "keeps 100 rows for the exam" in warned["eval_share"]
    assert "does nothing" in warned["eval_share"]
    assert "eval_share" not in {warning.field for warning in unmarked.warnings}


def test_marked_rows_are_an_exam_to_stop_early_by(facts: ModelFacts) -> None:
    settings: dict[str, object] = {"eval_share": 0.0, "early_stopping": 3}
    without = planned(facts, settings).warnings
    assert any("cannot stop early" in warning.message for warning in without)
    marked = planned(facts, settings, rows_held_out=100).warnings
    assert not any("cannot stop early" in warning.message for warning in marked)


def test_data_that_is_all_exam_is_refused(facts: ModelFacts) -> None:
    told = faults(planned(facts, rows=50, rows_held_out=50))
    assert "nothing is left to learn from" in told["dataset_id"]
