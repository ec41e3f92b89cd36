"""Data comes in: by its content, in blocks, under a name that is only ever shown."""

import errno
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import NotFound, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.status import WorkStatus
from studio.services import dataset_rows, datasets
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace, examples

PUBMED = Path(__file__).parents[4] / "shared" / "data" / "pubmedqa_messages.jsonl"
BROKEN = b'{"prompt": "a", "completion": "b"}\n{"prompt": \n'


def scratch(studio: Studio) -> list[Path]:
    """Return what is left of work in progress."""
    return list((studio.settings.home / "scratch").iterdir())


def test_a_file_is_kept_by_its_content_while_it_still_arrives(studio: Studio) -> None:
    arrived: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(3):
            written = [path.stat().st_size for path in studio.settings.home.rglob("original")]
            arrived.append(sum(written))
            yield examples(20_000, words=number + 1)

    added = datasets.receive(studio, ME, "three.jsonl", blocks())

    content = b"".join(examples(20_000, words=number + 1) for number in range(3))
    kept = studio.artifacts.dataset(added.sha256) / "original"
    assert kept.read_bytes() == content
    assert added.sha256 == hashlib.sha256(content).hexdigest()
    assert (added.bytes, added.status) == (len(content), WorkStatus.WAITING)
    assert 0 == arrived[0] < arrived[1] < arrived[2], "the blocks are gathered in memory"
    assert scratch(studio) == []


def test_the_worker_is_told_of_each_new_dataset_and_of_no_old_one(workplace: Workplace) -> None:
    first = datasets.receive(workplace.studio, ME, "a.jsonl", [examples(3)])
    assert workplace.rings() == 1
    again = datasets.receive(workplace.studio, ME, "b.jsonl", [examples(3)])
    assert again == first
    assert workplace.rings() == 1


def test_the_same_content_of_two_people_is_one_folder_and_two_datasets(
    workplace: Workplace,
) -> None:
    mine, hers = workplace.data(), workplace.data(owner="anna")
    assert mine.id != hers.id
    assert mine.sha256 == hers.sha256
    assert hers.rows_good == mine.rows_good == 60
    assert [one.id for one in datasets.listing(workplace.studio, ME)] == [mine.id]


def test_a_file_that_could_not_be_read_may_be_sent_again(workplace: Workplace) -> None:
    failed = workplace.data(b"\x80\x81 no text\n")
    assert failed.status is WorkStatus.FAILED
    again = datasets.receive(workplace.studio, ME, "again.jsonl", [b"\x80\x81 no text\n"])
    assert again.id != failed.id
    assert again.status is WorkStatus.WAITING


def test_a_file_larger_than_the_studio_takes_leaves_nothing(studio: Studio) -> None:
    most = studio.settings.max_upload_bytes
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 10_000_000
            yield b"x" * 10_000_000

    with pytest.raises(StudioError, match=r"larger than the 0\.07 GB") as refused:
        datasets.receive(studio, ME, "huge.jsonl", endless())

    assert "STUDIO_MAX_UPLOAD_BYTES" in refused.value.hint
    assert sent <= most + 10_000_000, "it goes on reading what it will not keep"
    assert scratch(studio) == []
    assert list((studio.settings.home / "datasets").glob("*")) == []
    assert datasets.listing(studio, ME) == []


def test_an_upload_that_breaks_off_leaves_nothing(studio: Studio) -> None:
    def broken() -> Iterator[bytes]:
        yield examples(3)
        raise ConnectionResetError(errno.ECONNRESET, "gone")

    with pytest.raises(ConnectionResetError):
        datasets.receive(studio, ME, "half.jsonl", broken())
    assert scratch(studio) == []
    assert datasets.listing(studio, ME) == []


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "<script>alert(1)", "a\x00b\nc", "\u202egpj.exe", "n" * 300]
)
def test_a_name_never_becomes_a_path(studio: Studio, name: str) -> None:
    added = datasets.receive(studio, ME, name, [examples(3)])
    assert len(added.name) <= 120
    assert added.name.isprintable()
    inside = {path.name for path in studio.settings.home.rglob("*")}
    assert added.name not in inside
    assert {path.name for path in (studio.settings.home / "datasets").iterdir()} == {added.sha256}


def test_a_file_on_this_machine_is_read_and_stays(studio: Studio, tmp_path: Path) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_bytes(examples(3))
    assert datasets.receive_file(studio, ME, mine).name == "mine.jsonl"
    assert mine.read_bytes() == examples(3)
    with pytest.raises(StudioError, match=r"no file none\.jsonl"):
        datasets.receive_file(studio, ME, tmp_path / "none.jsonl")
    with pytest.raises(StudioError, match="no file"):
        datasets.receive_file(studio, ME, tmp_path)


@pytest.mark.skipif(not PUBMED.exists(), reason="the shared data is not here")
def test_real_data_is_read_and_shown_row_by_row(workplace: Workplace) -> None:
    data = workplace.data(PUBMED.read_bytes(), "pubmedqa.jsonl")
    assert (data.status, data.rows_good, data.rows_refused) == (WorkStatus.READY, 500, 0)
    lines = [json.loads(line) for line in PUBMED.read_text("utf-8").splitlines()]

    page = dataset_rows.page(workplace.studio, ME, data.id, 490, 20).rows

    assert [row["messages"] for row in page] == [line["messages"] for line in lines[490:]]
    assert [row["line"] for row in page] == list(range(491, 501))
    assert dataset_rows.page(workplace.studio, ME, data.id, 500, 20).rows == []
    assert dataset_rows.faults(workplace.studio, ME, data.id) == []


def test_rows_are_there_when_the_worker_has_read_them(workplace: Workplace) -> None:
    data = datasets.receive(workplace.studio, ME, "some.jsonl", [examples(3)])
    assert dataset_rows.page(workplace.studio, ME, data.id, 0, 10).rows == []
    assert dataset_rows.faults(workplace.studio, ME, data.id) == []
    workplace.work()
    assert len(dataset_rows.page(workplace.studio, ME, data.id, 0, 10).rows) == 3


def test_each_unusable_line_is_named(workplace: Workplace) -> None:
    data = workplace.data(BROKEN * 3)
    assert (data.rows_good, data.rows_refused) == (3, 3)
    found = dataset_rows.faults(workplace.studio, ME, data.id)
    assert [fault["line"] for fault in found] == [2, 4, 6]
    assert all(fault["column"] and fault["reason"] and fault["hint"] for fault in found)
    assert [
        fault["line"] for fault in dataset_rows.faults(workplace.studio, ME, data.id, 0, 2)
    ] == [2, 4]


def test_a_file_of_no_use_says_why_as_a_whole(workplace: Workplace) -> None:
    data = workplace.data(b"\n\n")
    assert data.status is WorkStatus.FAILED
    (fault,) = dataset_rows.faults(workplace.studio, ME, data.id)
    assert fault["line"] == fault["column"] == 1
    assert fault["reason"] == data.error
    assert fault["hint"] == data.hint


def test_a_failed_dataset_can_be_tried_again_and_no_other(workplace: Workplace) -> None:
    good, bad = workplace.data(), workplace.data(b"\n")
    rung = workplace.rings()
    datasets.retry(workplace.studio, ME, bad.id)
    assert datasets.get(workplace.studio, ME, bad.id).status is WorkStatus.WAITING
    assert workplace.rings() == rung + 1
    with pytest.raises(StudioError, match="has not failed"):
        datasets.retry(workplace.studio, ME, good.id)


def test_what_is_deleted_comes_back_as_it_was(workplace: Workplace) -> None:
    data = workplace.data()
    datasets.delete(workplace.studio, ME, data.id)
    with pytest.raises(NotFound):
        datasets.get(workplace.studio, ME, data.id)
    assert datasets.listing(workplace.studio, ME) == []
    assert [one.id for one in datasets.listing(workplace.studio, ME, deleted=True)] == [data.id]
    datasets.restore(workplace.studio, ME, data.id)
    assert datasets.get(workplace.studio, ME, data.id) == data


def test_deleted_content_sent_again_is_read_in_no_time(workplace: Workplace) -> None:
    datasets.delete(workplace.studio, ME, workplace.data().id)
    assert workplace.data().rows_good == 60


def test_the_samples_are_added_once(workplace: Workplace) -> None:
    added = datasets.add_samples(workplace.studio, ME)
    assert [one.name for one in added] == ["Clinician style", "Patient friendly"]
    assert datasets.add_samples(workplace.studio, ME) == added
    workplace.work()
    for one in datasets.listing(workplace.studio, ME):
        assert one.rows_good >= 200
        assert one.rows_refused == 0
