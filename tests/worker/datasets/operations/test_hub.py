"""Data files of the hub arrive by the real client: chosen, packed, resumed, refused in words."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import StudioError, Superseded
from storage.operations import Hub
from tests.fakes.hub import FakeHub
from worker.datasets.inspect import inspect
from worker.datasets.operations import hub as fetching

NAME = "clinic/questions"
FILES = {
    "README.md": b"---\nlicense: mit\n---\n",
    "dataset_infos.json": b"{}",
    ".gitattributes": b"",
    "build.py": b"raise SystemExit",
    "data/train-00000-of-00001.jsonl": b'{"text": "learned"}\n',
    "data/test.jsonl": b'{"text": "asked"}\n',
}


class Reports(list[tuple[float, str]]):
    """What the download told."""

    def __call__(self, share: float, text: str) -> None:
        self.append((share, text))


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token of the person who runs the tests must not reach the fake hub."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add_dataset(NAME, dict(FILES))
        yield hub


def fetch(hub: FakeHub, target: Path, token: str | None = None, **wanted: str) -> Reports:
    reports = Reports()
    operation = Hub(**({"name": NAME} | wanted))
    fetching.download(operation, target, hub.endpoint, token, reports)
    return reports


def test_files_with_rows_arrive_as_members_that_keep_their_names(
    hub: FakeHub, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    reports = fetch(hub, folder / "original")
    with zipfile.ZipFile(folder / "original") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {name: body for name, body in FILES.items() if name.startswith("data/")}
    assert [path.name for path in folder.iterdir()] == ["original"]
    shares = [share for share, _ in reports]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_archive_can_be_read(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path / "original")
    (tmp_path / "rows").mkdir()
    inspect(tmp_path / "original", tmp_path / "rows", lambda share, words: None)
    read = (tmp_path / "rows/rows.jsonl").read_bytes()
    assert read.count(b"\n") == 2


def test_equal_files_give_an_equal_archive(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path / "one")
    fetch(hub, tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_one_file_is_kept_as_it_is(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path / "original", split="train")
    expected = FILES["data/train-00000-of-00001.jsonl"]
    assert (tmp_path / "original").read_bytes() == expected


def test_a_version_can_be_chosen(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path / "original", revision="a" * 40)
    with pytest.raises(StudioError, match=r"The dataset '.*' has no version called 'old'"):
        fetch(hub, tmp_path / "other", revision="old")


def test_a_second_call_goes_on_where_the_first_was_stopped(hub: FakeHub, tmp_path: Path) -> None:
    large = b'{"text": "' + b"tea " * (7 << 20) + b'"}\n'
    hub.add_dataset(NAME, FILES | {"data/train-00000-of-00001.jsonl": large})

    def stop(share: float, _words: str) -> None:
        if share > 0.5:  # the second piece of 10 MiB; the first is on the disk
            raise Superseded("stopped")

    operation = Hub(name=NAME, split="train")
    hub.seconds_a_block = 0.004
    with pytest.raises(Superseded):
        fetching.download(operation, tmp_path / "original", hub.endpoint, None, stop)
    hub.requests.clear()
    hub.seconds_a_block = 0
    fetch(hub, tmp_path / "original", split="train")
    (request,) = hub.downloads("train-00000-of-00001.jsonl")
    assert request.range not in (None, "bytes=0-")
    assert (tmp_path / "original").read_bytes() == large


def test_parts_of_another_version_do_not_stay(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "made" / f"original.{'b' * 12}.part").mkdir(parents=True)
    fetch(hub, tmp_path / "made" / "original")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["original"]


def test_a_gated_dataset_needs_a_token(hub: FakeHub, tmp_path: Path) -> None:
    repository = hub.repositories[f"datasets/{NAME}"]
    repository.gated, repository.allowed = True, {"hf_mine"}
    with pytest.raises(StudioError, match=r"The dataset '.*' is gated") as refused:
        fetch(hub, tmp_path / "original")
    assert f"https://huggingface.co/datasets/{NAME}" in refused.value.hint
    fetch(hub, tmp_path / "original", token="hf_mine")


def test_a_private_or_unknown_dataset_is_not_found(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[f"datasets/{NAME}"].private = True
    with pytest.raises(StudioError, match=f"no dataset called '{NAME}'"):
        fetch(hub, tmp_path / "original")
    with pytest.raises(StudioError, match="no dataset called 'clinic/none'"):
        fetch(hub, tmp_path / "original", name="clinic/none")


def test_a_pasted_address_is_answered_with_the_name(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"Did you mean clinic/questions\?"):
        fetch(hub, tmp_path / "original", name=f"https://huggingface.co/datasets/{NAME}")


def test_no_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.models.hub._WAITS", ())
    with FakeHub() as gone:
        endpoint = gone.endpoint
    operation = Hub(name=NAME)
    with pytest.raises(StudioError, match="cannot be reached"):
        fetching.download(operation, tmp_path / "o", endpoint, None, lambda share, text: None)


def test_too_large_a_dataset_is_refused_before_anything_is_fetched(
    hub: FakeHub, tmp_path: Path
) -> None:
    repository = hub.repositories[f"datasets/{NAME}"]
    repository.claimed_sizes["data/test.jsonl"] = 21_000_000_000
    with pytest.raises(StudioError, match=r"have 21\.0 GB; 20\.0 GB are the most"):
        fetch(hub, tmp_path / "original")
    assert hub.downloads("test.jsonl") == []
