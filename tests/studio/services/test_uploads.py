"""A file that comes in pieces arrives whole, whatever happens on the way."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from storage import artifacts
from storage.errors import NotFound, StudioError
from storage.ids import LOCAL_PERSON as ME
from studio.services import datasets, uploads
from studio.services.datasets import TooLarge
from studio.services.studio import Studio
from studio.services.uploads import Misplaced, Upload

CONTENT = bytes(range(256)) * 4000
ROOT = Path(__file__).parents[3]


def begun(studio: Studio, content: bytes = CONTENT, owner: str = ME) -> Upload:
    """Begin to send a file with this content."""
    return uploads.begin(studio, owner, "answers.jsonl", len(content), 1_700_000_000_000)


def folders(studio: Studio) -> list[Path]:
    """Return the folders of uploads."""
    return list((studio.settings.home / "uploads" / "pieces").glob("upload_*"))


def test_pieces_become_the_file_and_the_file_a_dataset(studio: Studio) -> None:
    upload = begun(studio)
    for start in range(0, len(CONTENT), 300_000):
        piece = CONTENT[start : start + 300_000]
        assert uploads.put(studio, ME, upload.id, start, piece).received == start + len(piece)

    found, known = uploads.finish(studio, ME, upload.id)

    assert (found.name, found.bytes, known) == ("answers.jsonl", len(CONTENT), False)
    assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    folder = studio.artifacts.dataset(found.sha256)
    assert (folder / "original").read_bytes() == CONTENT
    artifacts.verify(folder)
    assert studio.doorbell.queue.pending_count() == 1


def test_a_file_that_is_chosen_again_goes_on_where_it_was(studio: Studio) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT[:1000])

    assert begun(studio) == uploads.get(studio, ME, upload.id)
    assert begun(studio).received == 1000
    others = [
        uploads.begin(studio, ME, "answers.jsonl", len(CONTENT), 1),
        uploads.begin(studio, ME, "answers.jsonl", 5, 1_700_000_000_000),
        uploads.begin(studio, ME, "others.jsonl", len(CONTENT), 1_700_000_000_000),
        begun(studio, owner="anna"),
    ]
    assert upload.id not in {other.id for other in others}
    assert {other.received for other in others} == {0}


def test_a_piece_at_a_wrong_place_is_told_the_right_one(studio: Studio) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT[:1000])
    for offset in (0, 999, 1001):
        with pytest.raises(Misplaced) as refused:
            uploads.put(studio, ME, upload.id, offset, b"x")
        assert refused.value.received == 1000
    assert uploads.get(studio, ME, upload.id).received == 1000


def test_many_tabs_that_send_the_same_file_do_not_spoil_it(studio: Studio) -> None:
    upload = begun(studio)

    def tab() -> None:
        offset = 0
        while offset < len(CONTENT):
            try:
                piece = CONTENT[offset : offset + 50_000]
                offset = uploads.put(studio, ME, upload.id, offset, piece).received
            except Misplaced as error:
                offset = error.received

    tabs = [threading.Thread(target=tab) for _ in range(4)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()

    found = {uploads.finish(studio, ME, upload.id)[0].sha256 for _ in tabs}
    assert found == {hashlib.sha256(CONTENT).hexdigest()}
    assert len(datasets.listing(studio, ME)) == 1


def test_what_was_acknowledged_outlives_a_killed_process(studio: Studio, tmp_path: Path) -> None:
    upload = begun(studio, CONTENT * 40)
    (tmp_path / "content").write_bytes(CONTENT * 40)
    program = f"""
import sys
from pathlib import Path
from storage.settings import Settings
from studio.services import studio as studios, uploads
studio = studios.opened(Settings(home=Path({str(studio.settings.home)!r})))
content = Path({str(tmp_path / "content")!r}).read_bytes()
for start in range(0, len(content), 100_000):
    found = uploads.put(studio, "local", {upload.id!r}, start, content[start:start + 100_000])
    print(found.received, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().splitlines()]
    process.stdout.close()
    process.wait()

    there = begun(studio, CONTENT * 40)
    assert there.id == upload.id
    assert there.received >= acknowledged[-1]
    assert there.received < upload.size, "it was not killed on the way"
    rest = (CONTENT * 40)[there.received :]
    uploads.put(studio, ME, upload.id, there.received, rest)
    found, _ = uploads.finish(studio, ME, upload.id)
    assert found.sha256 == hashlib.sha256(CONTENT * 40).hexdigest()


def test_bytes_that_were_written_but_never_counted_are_written_over(studio: Studio) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT[:500])
    with (folders(studio)[0] / "part").open("ab") as part:
        part.write(b"half a piece of a process that was killed")

    uploads.put(studio, ME, upload.id, 500, CONTENT[500:])

    assert uploads.finish(studio, ME, upload.id)[0].sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("moment", ["publish", "remember"])
def test_a_death_while_finishing_is_made_good_by_asking_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT)

    class Death(BaseException):
        pass

    def die(*_: object) -> None:
        raise Death

    with monkeypatch.context() as patched:
        if moment == "publish":
            patched.setattr(artifacts, "_rename", die)
        else:
            patched.setattr(datasets, "remember", die)
        with pytest.raises(Death):
            uploads.finish(studio, ME, upload.id)
    assert datasets.listing(studio, ME) == []

    found, known = uploads.finish(studio, ME, upload.id)
    assert not known
    assert (studio.artifacts.dataset(found.sha256) / "original").read_bytes() == CONTENT
    artifacts.verify(studio.artifacts.dataset(found.sha256))


def test_asked_twice_it_gives_the_same_dataset(studio: Studio) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT)
    assert uploads.finish(studio, ME, upload.id) == uploads.finish(studio, ME, upload.id)
    with pytest.raises(Misplaced) as refused:
        uploads.put(studio, ME, upload.id, 0, CONTENT)
    assert refused.value.received == len(CONTENT)


def test_known_content_is_said_to_be_known(studio: Studio) -> None:
    first = datasets.receive(studio, ME, "first.jsonl", [CONTENT])
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT)
    found, known = uploads.finish(studio, ME, upload.id)
    assert known
    assert found == first
    assert begun(studio).id != upload.id, "a finished upload is not gone on with"


def test_what_is_missing_or_too_much_is_said(studio: Studio) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT[:-7])
    with pytest.raises(StudioError, match="7 bytes are missing"):
        uploads.finish(studio, ME, upload.id)
    with pytest.raises(StudioError, match="has changed"):
        uploads.put(studio, ME, upload.id, len(CONTENT) - 7, b"8 bytes.")
    assert uploads.get(studio, ME, upload.id).received == len(CONTENT) - 7


def test_an_empty_file_arrives_too(studio: Studio) -> None:
    upload = begun(studio, b"")
    assert uploads.finish(studio, ME, upload.id)[0].bytes == 0


def test_a_file_larger_than_the_studio_takes_is_refused_before_it_is_sent(studio: Studio) -> None:
    with pytest.raises(TooLarge, match=r"0\.07 GB"):
        uploads.begin(studio, ME, "huge.jsonl", studio.settings.max_upload_bytes + 1, 0)


def test_a_file_without_room_on_the_disk_is_refused_before_it_is_sent(studio: Studio) -> None:
    vast = studio.settings.model_copy(update={"max_upload_bytes": 10**18})
    roomy = Studio(vast, studio.database, studio.artifacts, studio.doorbell)
    with pytest.raises(OSError, match="No space") as refused:
        uploads.begin(roomy, ME, "vast.jsonl", 10**17, 0)
    assert refused.value.errno == errno.ENOSPC
    assert folders(studio) == []


def test_a_disk_that_fills_keeps_what_was_counted(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(studio)
    uploads.put(studio, ME, upload.id, 0, CONTENT[:1000])

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            uploads.put(studio, ME, upload.id, 1000, CONTENT[1000:2000])
    assert (folders(studio)[0] / "part").stat().st_size == 1000
    uploads.put(studio, ME, upload.id, 1000, CONTENT[1000:])
    assert uploads.finish(studio, ME, upload.id)[0].sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_somebody_elses_upload_is_not_there(studio: Studio) -> None:
    upload = begun(studio)
    for call in (
        lambda: uploads.get(studio, "ben", upload.id),
        lambda: uploads.put(studio, "ben", upload.id, 0, b"x"),
        lambda: uploads.finish(studio, "ben", upload.id),
        lambda: uploads.delete(studio, "ben", upload.id),
        lambda: uploads.get(studio, ME, "../../secrets"),
    ):
        with pytest.raises(NotFound):
            call()
    assert uploads.get(studio, ME, upload.id).received == 0


def test_what_is_deleted_or_left_behind_goes(studio: Studio) -> None:
    gone, left, new = (uploads.begin(studio, ME, name, 10, 0) for name in ("gone", "left", "new"))
    uploads.delete(studio, ME, gone.id)
    with pytest.raises(NotFound):
        uploads.put(studio, ME, gone.id, 0, b"x")
    eight_days_ago = time.time() - 8 * 86_400
    place = next(folder for folder in folders(studio) if folder.name == left.id)
    os.utime(place, (eight_days_ago, eight_days_ago))

    begun(studio)

    with pytest.raises(NotFound):
        uploads.get(studio, ME, left.id)
    assert uploads.get(studio, ME, new.id) == new
