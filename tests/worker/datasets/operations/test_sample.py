"""A sample has exactly the size asked for, in the order of the dataset."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StudioError
from storage.operations import Sample

TOTAL = 40


@pytest.fixture(scope="module")
def data(workshop):
    return workshop.dataset([{"text": f"text {n:02}"} for n in range(TOTAL)])


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, TOTAL), seed=st.integers(0, 2**31))
def test_the_size_is_exact_and_the_order_stays(workshop, data, rows, seed) -> None:
    operation = Sample(dataset_id="d", rows=rows, seed=seed)
    made = workshop.lines(operation, data)
    assert len(made) == rows
    assert made == sorted(set(made))
    assert made == workshop.lines(operation, data)


def test_every_row_has_its_chance(workshop, data) -> None:
    drawn = [workshop.lines(Sample(dataset_id="d", rows=10, seed=s), data) for s in range(30)]
    assert len({line for sample in drawn for line in sample}) == TOTAL


def test_more_than_there_is_cannot_be_had(workshop, data) -> None:
    with pytest.raises(StudioError, match="has 40 rows; a sample of 41"):
        workshop.lines(Sample(dataset_id="d", rows=41), data)
