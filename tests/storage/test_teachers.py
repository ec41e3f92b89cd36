"""What is known against a teacher before a run."""

import pytest

from storage.teachers import teacher_advice, teacher_fault


@pytest.mark.parametrize(
    ("student", "teacher", "is_fine"),
    [
        (151_936, 152_064, True),  # one family, filled up to other sizes
        (49_152, 49_152, True),
        (32_000, 32_768, False),
        (49_152, 151_936, False),
    ],
)
def test_another_vocabulary_is_told_before_the_start(
    student: int, teacher: int, is_fine: bool
) -> None:
    words = teacher_fault({"vocabulary_size": student}, {"vocabulary_size": teacher})
    assert (words == "") is is_fine
    if words:
        assert f"{teacher:,}" in words
        assert "Prepare" in words


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert teacher_fault(None, {"vocabulary_size": 5}) == ""
    assert teacher_fault({"licence": "mit"}, {}) == ""
    assert teacher_advice(None, {"parameters": 5}) == ""


def test_a_teacher_that_is_not_larger_is_remarked() -> None:
    assert "not larger" in teacher_advice({"parameters": 5}, {"parameters": 5})
    assert teacher_advice({"parameters": 5}, {"parameters": 6}) == ""
