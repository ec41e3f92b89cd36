"""Edits change exactly the rows they name, by the rules of the reading of a file."""

import pytest

from storage.errors import StudioError
from storage.operations import Change, Edit


@pytest.fixture(scope="module")
def data(workshop, chat):
    spaced = b'{"messages": [{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
    return workshop.dataset(spaced + b"".join(_line(chat, n) for n in range(3)))


def _line(chat, number: int) -> bytes:
    side = "test" if number == 1 else "train"
    return (str(chat(f"q{number}", f"a{number}", split=side)).replace("'", '"') + "\n").encode()


def edited(workshop, data, **edits) -> list[dict]:
    return workshop.rows(Edit(dataset_id="d", **edits), data)


def test_what_is_not_named_stays_byte_for_byte(workshop, data, chat) -> None:
    before = (data / "rows.jsonl").read_bytes().splitlines(keepends=True)
    operation = Edit(
        dataset_id="d",
        changed=(Change(row=2, content=chat("new", "newer")),),
        deleted=(1,),
        added=(chat("more", "most"),),
    )
    made = workshop.lines(operation, data)
    assert len(made) == 4
    assert [made[0], made[2]] == [before[0], before[3]]


def test_the_side_is_kept_unless_given(workshop, data, chat) -> None:
    new = chat("new", "newer")
    assert edited(workshop, data, changed=(Change(row=2, content=new),))[2]["split"] == "test"
    moved = new | {"split": "train"}
    assert edited(workshop, data, changed=(Change(row=2, content=moved),))[2] == moved


def test_an_edit_that_changes_nothing_changes_no_byte(workshop, data, chat) -> None:
    same = Edit(dataset_id="d", changed=(Change(row=0, content=chat("a", "b")),))
    assert b"".join(workshop.lines(same, data)) == (data / "rows.jsonl").read_bytes()


WRONG = [
    ({"text": "plain"}, 'Row 1: The field "messages" is missing'),
    ({"messages": []}, "Row 1: .*empty list"),
    ({"messages": [{"role": "user", "content": "q"}]}, "Row 1: .*no answer"),
    (
        {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a\x00"},
            ]
        },
        "Row 1: .*control",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "\ud83d"},
            ]
        },
        "Row 1 holds something that is no text",
    ),
    (
        {
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
            "note": "x",
        },
        "conversations have no field 'note'",
    ),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_content_of_no_use_is_refused_by_row(workshop, data, content, words) -> None:
    with pytest.raises(StudioError, match=words):
        edited(workshop, data, changed=(Change(row=0, content=content),))


def test_a_new_row_is_named_by_its_place(workshop, data, chat) -> None:
    with pytest.raises(StudioError, match="The new row 2: "):
        edited(workshop, data, added=(chat("q", "a"), {"text": "t"}))


def test_rows_that_are_not_there_or_named_twice_are_refused(workshop, data, chat) -> None:
    with pytest.raises(StudioError, match="no row 5"):
        edited(workshop, data, deleted=(4,))
    change = Change(row=1, content=chat("q", "a"))
    with pytest.raises(StudioError, match="Row 2 is changed twice"):
        edited(workshop, data, changed=(change,), deleted=(1,))


def test_judged_answers_are_checked_as_such(workshop) -> None:
    answer = [{"role": "assistant", "content": "Yes."}]
    pair = {
        "prompt": [{"role": "user", "content": "Tea?"}],
        "chosen": answer,
        "rejected": [{"role": "assistant", "content": "No."}],
    }
    data = workshop.dataset([pair])
    new = pair | {"rejected": [{"role": "assistant", "content": "Never."}]}
    assert edited(workshop, data, changed=(Change(row=0, content=new),)) == [new]
    with pytest.raises(StudioError, match=r"Row 1: .*same"):
        edited(workshop, data, changed=(Change(row=0, content=pair | {"rejected": answer}),))
