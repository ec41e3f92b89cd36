"""An operation travels as JSON and knows what it is made of."""

import pytest
from pydantic import ValidationError

from storage.mappings import Mapping
from storage.operations import (
    OPERATION,
    Chosen,
    Clean,
    Edit,
    Filter,
    Hub,
    Mix,
    Operation,
    Redact,
    Reread,
    Sample,
    Split,
    Weighted,
    Written,
)

ONE = "data_1"
ALL: list[Operation] = [
    Split(dataset_id=ONE),
    Split(dataset_id=ONE, by="file", other_id="data_2"),
    Reread(dataset_id=ONE, mapping=Mapping(question=("q",), answer="a")),
    Filter(dataset_id=ONE, contains="dose"),
    Sample(dataset_id=ONE, rows=3),
    Edit(dataset_id=ONE, deleted=(1, 2)),
    Mix(parts=(Weighted(dataset_id=ONE), Weighted(dataset_id="data_2", weight=0.5))),
    Clean(dataset_id=ONE),
    Redact(dataset_id=ONE, kinds=("email",)),
    Chosen(dataset_id=ONE),
    Written(),
    Hub(name="someone/something"),
]


@pytest.mark.parametrize("operation", ALL, ids=lambda each: each.kind)
def test_an_operation_is_the_same_after_its_way_through_json(operation: Operation) -> None:
    assert OPERATION.validate_json(OPERATION.dump_json(operation)) == operation


def test_parents_are_the_datasets_it_is_made_of() -> None:
    parents = [operation.parents for operation in ALL]
    assert parents[0] == (ONE,)
    assert parents[1] == parents[6] == (ONE, "data_2")
    assert parents[-1] == parents[-2] == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "split", "dataset_id": ONE, "by": "file"},
        {"kind": "split", "dataset_id": ONE, "other_id": "data_2"},
        {"kind": "split", "dataset_id": ONE, "share": 1.0},
        {"kind": "filter", "dataset_id": ONE},
        {"kind": "mix", "parts": [{"dataset_id": ONE}]},
        {"kind": "sample", "dataset_id": ONE, "rows": 0},
        {"kind": "clean", "dataset_id": ONE, "treshold": 0.8},
        {"kind": "explode", "dataset_id": ONE},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        OPERATION.validate_python(wrong)
