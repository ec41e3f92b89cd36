"""Only rows that fulfil every condition stay, byte for byte."""

import pytest

from storage.errors import StudioError
from storage.operations import Filter

PAIR = {
    "prompt": [{"role": "user", "content": "Tea?"}],
    "chosen": [{"role": "assistant", "content": "Yes, please, with milk."}],
    "rejected": [{"role": "assistant", "content": "No."}],
}


@pytest.fixture(scope="module")
def data(workshop, chat):
    return workshop.dataset(
        [
            chat("Does ASPIRIN thin blood?", "Yes.", split="test"),
            chat("What helps?", "Aspirin, and a rest of two days.", system="Be brief."),
            chat("Straße oder Weg?", "Weg.", split="train"),
        ]
    )


def kept(workshop, data, **conditions) -> list[int]:
    """The numbers of the rows that stay; each must stand in the parent as it is."""
    before = (data / "rows.jsonl").read_bytes().splitlines(keepends=True)
    made = workshop.lines(Filter(dataset_id="d", **conditions), data)
    return [before.index(line) for line in made]


CASES = [
    ({"contains": "aspirin"}, [0, 1]),
    ({"contains": "aspirin", "where": "question"}, [0]),
    ({"contains": "aspirin", "where": "answer"}, [1]),
    ({"contains": "BRIEF", "where": "system"}, [1]),
    ({"contains": "STRASSE"}, [2]),
    ({"lacks": "aspirin"}, [2]),
    ({"answer_at_least": 5}, [1]),
    ({"answer_at_most": 4}, [0, 2]),
    ({"split": "test"}, [0]),
    ({"split": "train"}, [1, 2]),
    ({"rows": (0, 2)}, [0, 2]),
    ({"without": (0,)}, [1, 2]),
    ({"rows": (0, 1), "contains": "blood"}, [0]),
]


@pytest.mark.parametrize(("conditions", "expected"), CASES)
def test_rows_that_fulfil_all_conditions_stay(workshop, data, conditions, expected) -> None:
    assert kept(workshop, data, **conditions) == expected


def test_of_a_pair_both_answers_count(workshop) -> None:
    data = workshop.dataset([PAIR, PAIR | {"rejected": PAIR["chosen"], "chosen": PAIR["chosen"]}])
    assert kept(workshop, data, answer_at_most=30) == [0]
    with pytest.raises(StudioError, match="No row would be left"):
        kept(workshop, data, answer_at_most=5)


def test_nothing_left_is_said(workshop, data) -> None:
    with pytest.raises(StudioError, match="No row would be left"):
        kept(workshop, data, contains="no such word")


def test_a_row_that_is_not_there_is_named(workshop, data) -> None:
    with pytest.raises(StudioError, match="no row 4; the dataset has 3"):
        kept(workshop, data, rows=(3,))
