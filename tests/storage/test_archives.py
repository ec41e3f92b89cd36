"""The zip of an adapter: the same every time, without the manifest, gone afterwards."""

import zipfile
from pathlib import Path

from storage import archives, artifacts
from storage.artifacts import Artifacts


def test_an_archive_holds_the_files_and_is_the_same_every_time(tmp_path: Path) -> None:
    files = Artifacts(tmp_path)
    folder = files.adapter("adapter_0123456789ab")
    with artifacts.staged(folder) as staging:
        (staging / "README.md").write_text("hello", encoding="utf-8")
        (staging / "deep").mkdir()
        (staging / "deep" / "adapter_model.safetensors").write_bytes(bytes(3_000_000))
    contents = []
    for _ in range(2):
        with archives.zip_of(files, folder) as archive:
            contents.append(b"".join(archives.stream(archive)))
            assert zipfile.ZipFile(archive).testzip() is None
            names = zipfile.ZipFile(archive).namelist()
        assert not archive.exists()
    assert contents[0] == contents[1]
    assert names == ["README.md", "deep/adapter_model.safetensors"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_files_written_for_an_archive_stand_in_place_of_the_folders_or_beside_them(
    tmp_path: Path,
) -> None:
    files = Artifacts(tmp_path)
    folder = files.adapter("adapter_0123456789ab")
    with artifacts.staged(folder) as staging:
        (staging / "README.md").write_text("old", encoding="utf-8")
        (staging / "recipe.yaml").write_text("kept", encoding="utf-8")

    with archives.zip_of(files, folder, {"README.md": b"new", "profile.yaml": b"added"}) as archive:
        content = zipfile.ZipFile(archive)
        found = {name: content.read(name) for name in content.namelist()}

    assert found == {"README.md": b"new", "profile.yaml": b"added", "recipe.yaml": b"kept"}
    assert (folder / "README.md").read_text("utf-8") == "old"
