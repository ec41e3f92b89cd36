"""Several processes: refused, by field, where this machine or the libraries cannot do it."""

from dataclasses import replace
from typing import Any

import pytest

from storage import combinations
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import memory, remarks, several
from studio.advice.known import Known
from studio.advice.machine import Machine
from tests.studio.advice.conftest import base, dataset

PLACES = {"name": "Try", "dataset_id": "data_1", "base_model_id": "model_1"}
CORES = Machine(cores=2, free_memory=64_000_000_000)
CARDS = replace(CORES, has_gpu=True, cards=2)


def spec(**changes: Any) -> RunSpec:
    return RunSpec(**{**PLACES, "processes": 2, **changes})


@pytest.mark.parametrize(
    ("here", "processes", "said"),
    [
        (CARDS, 2, None),
        (CARDS, 3, "2 graphics cards"),
        (replace(CARDS, cards=1), 2, "1 graphics card;"),
        (CORES, 2, None),
        (CORES, 3, "2 cores"),
        (replace(CORES, cores=1), 1, None),
    ],
)
def test_each_process_needs_a_card_or_a_core(
    here: Machine, processes: int, said: str | None
) -> None:
    found = several.faults(spec(processes=processes), here)
    assert [(fault.field, said in fault.message) for fault in found if said] == (
        [("processes", True)] if said else []
    )
    assert len(found) == (said is not None)


def test_without_cards_it_is_said_that_several_are_slower() -> None:
    assert [one.field for one in several.remarks(spec(), CORES)] == ["processes"]
    assert several.remarks(spec(), CARDS) == []
    assert several.remarks(spec(processes=1), CORES) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "kto", "batch_size": 2}, "processes"),
        ({"adapter": "adalora"}, "processes"),
        ({"beginning": "pissa"}, "beginning"),
        ({"sharding": "fsdp", "quantization": "nf4"}, "sharding"),
        ({"sharding": "fsdp", "optimizer": "adafactor"}, "sharding"),
        ({"sharding": "fsdp", "extra_tokens": ("pill",)}, "sharding"),
        ({"sharding": "fsdp", "compile": True}, "sharding"),
    ],
)
def test_what_was_not_made_for_several_is_refused_by_field(
    changes: dict[str, Any], field: str
) -> None:
    assert [fault.field for fault in combinations.faults(spec(**changes))] == [field]
    assert not combinations.faults(spec(**{**changes, "processes": 1}))


@pytest.mark.parametrize("method", ["sft", "pretrain", "dpo", "orpo", "reward"])
@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_what_was_tried_is_possible(method: str, sharding: str) -> None:
    assert not combinations.faults(spec(method=method, sharding=sharding))


def test_a_division_without_several_processes_does_nothing_and_says_so(facts: ModelFacts) -> None:
    known = Known(data=dataset(), model=base(), facts=facts)
    found = remarks.of(spec(processes=1, sharding="fsdp"), known, None)
    said = [one.message for one in found if one.field == "sharding"]
    assert said == ["This does nothing here: it counts only with number of processes 2 to 64."]


def test_without_cards_all_processes_live_in_the_same_memory(facts: ModelFacts) -> None:
    known = Known(data=dataset(), model=base(), facts=facts)
    for here, times in ((CORES, 2), (CARDS, 1)):
        one = memory.judged(spec(processes=1), known, here)
        two = memory.judged(spec(), known, here)
        assert one is not None
        assert two is not None
        assert (two.total, sum(two.parts.values())) == (times * one.total, times * one.total)
