"""One studio and one browser for all; every page is watched for what must not happen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.fakes.hub import FakeHub
from tests.journeys import tiny_base
from tests.journeys.screen import Window
from tests.journeys.studio_process import PATIENCE, StudioProcess

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "test-artefacts"
PUBMEDQA = ROOT.parent / "shared" / "data" / "pubmedqa_messages.jsonl"

expect.set_options(timeout=PATIENCE * 1000)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Let the journeys come last, in their order: the first meets an empty studio."""
    here = Path(__file__).parent
    yield
    journeys = [item for item in items if here in item.path.parents]
    for item in journeys:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(900))
    journeys.sort(key=lambda item: (item.path.name, item.location[1] or 0))
    items[:] = [item for item in items if item not in journeys] + journeys


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, the same for all journeys."""
    if not CHROMIUM.exists():
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=PATIENCE * 1000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def studio(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioProcess]:
    """A studio with an empty home, whose hub is a small local one; ended as Ctrl-C ends it."""
    with FakeHub() as hub:
        studio = StudioProcess.start(tmp_path_factory.mktemp("studio"), hub.endpoint)
        yield studio
        left = studio.end()
    assert not left, f"processes of the studio are left: {left}"


@pytest.fixture
def open_window(browser: Browser, studio: StudioProcess) -> Iterator[Callable[..., Window]]:
    """Open a browser window; at the end of the test nothing forbidden may have happened in it."""
    windows: list[Window] = []

    def opened(**options: Any) -> Window:
        chosen = {
            "viewport": {"width": 1440, "height": 900},
            "color_scheme": "light",
            "reduced_motion": "reduce",
            **options,
        }
        context = browser.new_context(base_url=studio.address, **chosen)
        context.set_default_timeout(PATIENCE * 1000)
        windows.append(Window(context, studio.address))
        return windows[-1]

    yield opened
    for window in windows:
        window.context.close()
        window.check()


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    """A window of a desktop's width."""
    return open_window()


@pytest.fixture
def page(window: Window) -> Page:
    """A tab of that window."""
    return window.context.new_page()


@pytest.fixture(scope="package")
def questions() -> list[dict[str, Any]]:
    """Questions and answers, all different."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"What helps after {n} hours at a desk?"},
                {"role": "assistant", "content": f"A walk of {n} minutes and {n % 7} stretches."},
            ]
        }
        for n in range(1, 121)
    ]


@pytest.fixture(scope="package")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, questions: list[dict[str, Any]]) -> Path:
    """A folder with a tiny base model."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_base.save(folder, [turn["content"] for row in questions for turn in row["messages"]])
    return folder


@pytest.fixture(scope="package")
def dataset_id(studio: StudioProcess, questions: list[dict[str, Any]]) -> str:
    """A dataset that is ready."""
    lines = "".join(json.dumps(row) + "\n" for row in questions)
    added = studio.post("/datasets", files={"file": ("desk work.jsonl", lines.encode())})
    return str(studio.ready(f"/datasets/{added['id']}")["id"])


@pytest.fixture(scope="package")
def model_id(studio: StudioProcess, tiny_model: Path) -> str:
    """The tiny base model, ready."""
    same = [each for each in studio.get("/models") if each["reference"] == str(tiny_model)]
    place = {"source": "folder", "reference": str(tiny_model)}
    added = same[0] if same else studio.post("/models", json=place)
    return str(studio.ready(f"/models/{added['id']}")["id"])


@pytest.fixture(scope="package")
def queue(studio: StudioProcess, dataset_id: str, model_id: str) -> Callable[..., str]:
    """Put a run into the queue; returns its id."""

    def queued(name: str, steps: int, **changes: Any) -> str:
        spec = {
            "name": name,
            "dataset_id": dataset_id,
            "base_model_id": model_id,
            "rank": 4,
            "alpha": 8,
            "learning_rate": 2e-3,
            "max_steps": steps,
            "batch_size": 1,
            "max_length": 64,
            "packing": False,
            "early_stopping": 0,
            **changes,
        }
        return str(studio.post("/runs", json=spec)["id"])

    return queued


@pytest.fixture(scope="package")
def finished_run(studio: StudioProcess, queue: Callable[..., str]) -> dict[str, Any]:
    """A run that has finished and left an adapter."""
    run = studio.run_ends(queue("Short try", 12))
    assert run["status"] == "finished", run["error"]
    return run
