"""The volume with the database and the uploads is full: pages are shown, and say what to do."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.small_volume import fill_up, room, small_volume
from tests.fakes.web_process import WebProcess
from tests.faults.test_history import SHORT, fill, is_quick_and_small

TIMES = [pytest.param(2, id="2"), pytest.param(20, marks=pytest.mark.slow, id="20")]

PAGES = ("/", "/data", "/models", "/train", "/runs", "/adapters", "/settings")

LISTS = ("/datasets", "/models", "/runs", "/runs/lines", "/adapters", "/queue")


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a small volume that is the studio's home."""
    with small_volume(tmp_path_factory.mktemp("full") / "home", 24) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def longest(volume: Path) -> str:
    """Return the run with the longest curve of those that ended there."""
    return fill(volume, SHORT)


@pytest.fixture(scope="module")
def web(volume: Path, longest: str) -> Iterator[WebProcess]:
    """Return a web process over it."""
    process = WebProcess(volume).start()
    for path in PAGES:
        process.page(path)
    yield process
    process.end()


def test_many_runs_keep_no_page_waiting_and_take_no_more_memory(
    web: WebProcess, longest: str
) -> None:
    is_quick_and_small(longest, web, SHORT)


@pytest.mark.parametrize("times", TIMES)
def test_a_studio_without_room_shows_its_pages_and_names_the_volume(
    web: WebProcess, volume: Path, times: int
) -> None:
    lines = b'{"messages": [{"role": "user", "content": "%d"}]}\n'
    for turn in range(times):
        told = {"name": f"{turn}.jsonl", "size": 200_000, "last_modified": turn}
        upload = web.send("POST", "/uploads", json=told).raise_for_status().json()["id"]
        piece = {"params": {"offset": 0}, "content": b"x" * 200_000}
        ballast = fill_up(volume)
        assert room(volume) == 0, "the fault did not happen"

        assert all("gradio" in web.page(path).lower() for path in PAGES)
        assert all(isinstance(web.get(path), list | dict) for path in LISTS)
        refused = [
            web.send("PUT", f"/uploads/{upload}", **piece),
            web.send("POST", "/uploads", json=told | {"name": "another", "last_modified": -1}),
            web.send("POST", "/datasets", files={"file": ("a.jsonl", lines % turn * 9000)}),
            web.send("POST", "/datasets/samples"),
            web.send("PUT", "/settings/hub-token", json={"token": "hf_x"}),
        ]
        for answer in refused:
            if answer.status_code == 404:
                continue
            assert answer.status_code == 507, (str(answer.request.url), answer.text)
            assert "disk is full" in answer.json()["error"]["message"]
            assert str(volume) in answer.json()["error"]["hint"], str(answer.request.url)
            assert "Traceback" not in answer.text
        assert web.get(f"/uploads/{upload}")["received"] == 0

        ballast.unlink()
        web.send("PUT", f"/uploads/{upload}", **piece).raise_for_status()
        web.send("DELETE", f"/uploads/{upload}").raise_for_status()
    assert "Traceback" not in web.log.read_text()
    logging.info("%d times without room", times)
