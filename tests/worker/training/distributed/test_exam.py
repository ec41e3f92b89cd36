"""An exam that several processes take: each row counts once, and all keep step."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from worker.training.distributed.exam import shares


@given(rows=st.integers(0, 60), size=st.integers(1, 5), count=st.integers(1, 5))
def test_each_row_counts_once_and_all_read_as_many_at_a_time(
    rows: int, size: int, count: int
) -> None:
    of_each = [shares(rows, size, count, number) for number in range(count)]
    counted = [
        share.rows
        for number, mine in enumerate(of_each)
        for share in mine
        if share.is_own or number == 0
    ]
    assert sorted(chain.from_iterable(counted)) == list(range(rows))
    sizes = [[(len(share.rows), share.is_own) for share in mine] for mine in of_each]
    assert all(one == sizes[0] for one in sizes)
    assert all(1 <= length <= size for length, _ in sizes[0])


def test_what_can_be_shared_out_is() -> None:
    first, second = (shares(11, 2, 2, number) for number in range(2))
    assert [share.rows for share in first] == [[0, 1], [4, 5], [8], [10]]
    assert [share.rows for share in second] == [[2, 3], [6, 7], [9], [10]]
    assert [share.is_own for share in first] == [True, True, True, False]
