"""What the card before Start says of the data: what cannot be learned from, what is kept aside."""

import numpy as np
import numpy.typing as npt
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


# Lengths that were counted.


def counted(*rows: tuple[int, int]) -> npt.NDArray[np.uint32]:
    """Return lengths of rows, each with the place of its first learned token."""
    return np.array(rows, dtype=np.uint32)


def exact(
    facts: ModelFacts, lengths: npt.NDArray[np.uint32], **settings: object
) -> tuple[Plan, RunSpec]:
    """Return the plan for data whose tokens were counted."""
    told = {"dataset_id": "data_1", "base_model_id": "model_1", "max_length": 128, "rank": 8}
    spec = RunSpec.model_validate({**told, **settings})
    known = Known(dataset(rows=len(lengths)), base(), facts, lengths)
    return advice.plan(spec, known, HERE), spec


def test_counted_tokens_are_taken_in_place_of_estimates(facts: ModelFacts) -> None:
    settings = {
        "packing": False,
        "batch_size": 1,
        "epochs": 1,
        "eval_share": 0,
        "early_stopping": 0,
    }
    found, _ = exact(facts, counted((100, 10), (60, 10), (200, 10)), **settings)
    assert found.tokens == 100 + 60 + 128
    warned = {one.field: one.message for one in found.warnings}
    assert "The longest example is 200 tokens long" in warned["max_length"]


def test_answers_that_all_lie_beyond_the_maximum_are_refused_with_a_number_that_helps(
    facts: ModelFacts,
) -> None:
    found, _ = exact(facts, counted((300, 150), (400, 128), (130, 130)))
    assert "nearest begins at 128" in faults(found)["max_length"]
    found, _ = exact(facts, counted((300, 150), (400, 127)))
    assert faults(found) == {}


def test_rows_without_any_answer_are_refused(facts: ModelFacts) -> None:
    found, _ = exact(facts, counted((30, 30), (40, 40)))
    assert "No example has an answer" in faults(found)["dataset_id"]


def test_continued_pretraining_divides_what_is_longer_and_refuses_nothing(
    facts: ModelFacts,
) -> None:
    known = Known(dataset(rows=2, target="text"), base(), facts, counted((300, 1), (100, 1)))
    spec = RunSpec(
        dataset_id="d", base_model_id="m", method="pretrain", max_length=128, epochs=1,
        eval_share=0, rank=8, batch_size=1, early_stopping=0,
    )  # fmt: skip
    found = advice.plan(spec, known, HERE)
    assert (found.faults, found.tokens, found.steps) == ([], 400, 4)
    assert not [one for one in found.warnings if one.field == "max_length"]
