"""Files: whole or not there, in the right order on the disk, and vouched for by a manifest."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from storage import artifacts
from storage.artifacts import MANIFEST, Artifacts, Damaged


def fill(folder: Path) -> None:
    """Put an adapter's worth of files into a folder, one of them in a folder of its own."""
    (folder / "weights.bin").write_bytes(bytes(range(256)))
    (folder / "config.json").write_text('{"rank": 8}')
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "note.txt").write_text("a note")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return a published folder."""
    target = tmp_path / "adapters" / "one"
    with artifacts.staged(target, {"step": 40, "by": {1: "key"}}) as staging:
        fill(staging)
    return target


def test_a_folder_appears_whole_and_its_manifest_names_every_file(whole: Path) -> None:
    manifest = artifacts.verify(whole)
    assert manifest["about"] == {"step": 40, "by": {"1": "key"}}
    assert {entry["name"]: entry["size"] for entry in manifest["files"]} == {
        "config.json": 11,
        "deep/er/note.txt": 6,
        "weights.bin": 256,
    }
    assert [path.name for path in whole.parent.iterdir()] == ["one"]


def test_nothing_is_visible_while_it_is_being_filled_and_nothing_left_when_it_fails(
    tmp_path: Path,
) -> None:
    target = tmp_path / "adapters" / "one"
    with pytest.raises(KeyboardInterrupt), artifacts.staged(target) as staging:
        _fill_and_be_interrupted(staging, target)
    assert list(target.parent.iterdir()) == []


def _fill_and_be_interrupted(staging: Path, target: Path) -> None:
    fill(staging)
    assert not target.exists()
    assert staging.name.startswith(".")
    raise KeyboardInterrupt


def test_what_is_there_is_never_written_over(whole: Path) -> None:
    before = artifacts.verify(whole)
    with pytest.raises(FileExistsError), artifacts.staged(whole) as staging:
        (staging / "weights.bin").write_bytes(b"other")
    assert artifacts.verify(whole) == before
    assert [path.name for path in whole.parent.iterdir()] == ["one"]


def test_who_comes_second_in_a_race_for_a_name_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "one"
    monkeypatch.setattr(Path, "exists", lambda path: False)
    with artifacts.staged(target) as staging:
        fill(staging)
    with pytest.raises(FileExistsError), artifacts.staged(target) as staging:
        fill(staging)


def test_files_and_folders_reach_the_disk_before_the_name_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        done.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    with artifacts.staged(tmp_path / "one") as staging:
        fill(staging)
    files = [f"fsync {name}" for name in ("config.json", "note.txt", "weights.bin")]
    before, after = done[: done.index("rename")], done[done.index("rename") + 1 :]
    assert sorted(before[:3]) == files
    assert before[3] == f"fsync {MANIFEST}"
    assert set(before[4:]) == {"fsync deep", "fsync er", f"fsync {staging.name}"}
    assert after == [f"fsync {tmp_path.name}"]


def test_every_single_flipped_bit_is_noticed(whole: Path) -> None:
    for path in (p for p in whole.rglob("*") if p.is_file()):
        content = path.read_bytes()
        for bit in range(0, len(content) * 8, 1 if len(content) < 64 else 7):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            with pytest.raises(Damaged):
                artifacts.verify(whole)
        path.write_bytes(content)
    artifacts.verify(whole)


@pytest.mark.parametrize("name", ["weights.bin", "config.json", "deep/er/note.txt", MANIFEST])
@pytest.mark.parametrize("damage", ["cut short", "emptied", "lengthened", "zeroed", "removed"])
def test_every_damage_to_a_file_is_named(whole: Path, name: str, damage: str) -> None:
    path = whole / name
    content = path.read_bytes()
    path.unlink()
    if damage != "removed":
        path.write_bytes(
            {
                "cut short": content[:-1],
                "emptied": b"",
                "lengthened": content + b"x",
                "zeroed": bytes(len(content)),
            }[damage]
        )
    with pytest.raises(Damaged, match=path.name if name != MANIFEST else "manifest"):
        artifacts.verify(whole)


@pytest.mark.parametrize("text", ["[]", "{}", "7", "null", '{"files": []}', '{"about": {}}'])
def test_a_manifest_of_another_shape_is_damage_not_a_crash(whole: Path, text: str) -> None:
    (whole / MANIFEST).write_text(text)
    with pytest.raises(Damaged, match="manifest"):
        artifacts.read_manifest(whole)


def test_a_folder_is_removed_as_a_whole_and_removing_it_again_is_harmless(whole: Path) -> None:
    artifacts.remove(whole)
    artifacts.remove(whole)
    assert list(whole.parent.iterdir()) == []


def test_the_size_of_a_folder_is_that_of_its_files(whole: Path) -> None:
    assert artifacts.size(whole) == 256 + 11 + 6 + (whole / MANIFEST).stat().st_size
    assert artifacts.size(whole / "nowhere") == 0


def test_a_private_file_is_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "hub-token"
    artifacts.write_private(path, "hf_first")
    artifacts.write_private(path, "hf_second")
    assert path.read_text() == "hf_second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["../../etc", "run_1/..", "", ".", "run_ABCDEF123456", "run_0123456789ab\n"]
)
def test_a_name_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    files = Artifacts(tmp_path)
    for folder in (files.run, files.adapter, files.base_model, files.dataset):
        with pytest.raises(ValueError, match="not a"):
            folder(name)


def test_work_in_progress_has_a_new_folder_on_the_same_volume_each_time(tmp_path: Path) -> None:
    files = Artifacts(tmp_path)
    first, second = files.scratch(), files.scratch()
    assert first != second
    assert first.stat().st_dev == tmp_path.stat().st_dev


def test_everything_lies_below_the_home(tmp_path: Path) -> None:
    files = Artifacts(tmp_path)
    run: Any = "run_0123456789ab"
    assert files.log_file(run) == tmp_path / "runs" / run / "log.txt"
    assert files.dataset("a" * 64) == tmp_path / "datasets" / ("a" * 64)
    assert files.adapter("adapter_0123456789ab").parent == tmp_path / "adapters"
    assert files.base_model("model_0123456789ab").parent == tmp_path / "models"


def test_what_was_left_in_scratch_a_day_ago_is_swept_and_work_under_way_stays(
    tmp_path: Path,
) -> None:
    files = Artifacts(tmp_path)
    left, under_way = files.scratch(), files.scratch()
    for folder in (left, under_way):
        (folder / "upload").write_bytes(b"x")
    long_ago = time.time() - 90_000
    os.utime(left / "upload", (long_ago, long_ago))
    for folder in (left, under_way):
        os.utime(folder, (long_ago, long_ago))
    files.sweep_scratch(86_400)
    assert not left.exists()
    assert under_way.exists()


def test_one_maker_at_a_time_and_it_clears_away_what_a_dead_one_left(tmp_path: Path) -> None:
    target = tmp_path / "rows"
    left = tmp_path / ".rows.half"
    left.mkdir()
    (left / "part").write_text("half")
    other = tmp_path / ".rows-other.half"
    other.mkdir()
    waits, order = threading.Event(), []

    def second() -> None:
        waits.set()
        with artifacts.alone(target):
            order.append("second")

    with artifacts.alone(target):
        assert not left.exists()
        assert other.exists()
        thread = threading.Thread(target=second)
        thread.start()
        waits.wait()
        time.sleep(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
