"""The pages as they are served: each once, nothing from elsewhere, nothing that runs strings."""

import ast
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from storage.settings import Settings, quiet_libraries
from studio import web
from studio.services import studio as studios
from tests.studio.conftest import free_port, served

LOADED = re.compile(r"""<(?:link|script|img|iframe|source)\b[^>]*?(?:src|href)=["']([^"']*)["']""")
PROJECT = Path(__file__).resolve().parents[2]
MAIN = PROJECT / "static" / "js" / "main.js"
ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


looks: list[Any] = []
"""What looks for events of forms, in the application that was made."""


def is_gradio(route: Any) -> bool:
    """Whether Gradio's pages are behind it."""
    return hasattr(getattr(route, "app", None), "blocks")


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of the whole web application, on an empty home."""
    home = tmp_path_factory.mktemp("home")
    quiet_libraries(home, offline=False)  # Gradio reads its environment when it is imported
    from studio import app  # noqa: PLC0415

    studio = studios.opened(Settings(home=home, port=free_port(), max_upload_bytes=70_000_000))

    async def built() -> FastAPI:
        made = web.create_web(studio, app.mount_pages)
        looks.append(next(route.app.blocks._queue for route in made.routes if is_gradio(route)))
        return made

    with (
        served(asyncio.run(built()), studio.settings.port) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield client
    studio.database.close()


@pytest.fixture(scope="module")
def pages(visitor: httpx.Client) -> dict[str, str]:
    """Return the HTML of every page by its path."""
    from studio.pages import PAGES  # noqa: PLC0415  (after Gradio's environment is set)

    return {page.path: visitor.get(page.path or "/").raise_for_status().text for page in PAGES}


@pytest.fixture(scope="module")
def configs(pages: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what Gradio's script is told on each page."""
    found = {}
    for path, html in pages.items():
        start = html.index("window.gradio_config = ") + len("window.gradio_config = ")
        found[path], _ = json.JSONDecoder().raw_decode(html[start:])
    return found


def test_every_page_is_there_once_at_an_address_of_its_own(
    configs: dict[str, dict[str, Any]],
) -> None:
    listed = configs[""]["pages"]
    assert [f"/{path}".rstrip("/") for path, *_ in listed] == list(configs)
    assert len({title for _, title, *_ in listed}) == len(listed) == len(set(configs))
    assert set(configs[""]["page"]) == {path for path, *_ in listed}


def test_a_page_that_stands_in_no_navigation_has_an_address_all_the_same(
    configs: dict[str, dict[str, Any]],
) -> None:
    hidden = [path for path, _, shown in configs[""]["pages"] if not shown]
    assert hidden == [
        "run", "sweep", "compare", "conversations", "prompts", "leaderboard", "safety",
        "safety-check", "audit",
    ]  # fmt: skip


def test_no_page_keeps_a_stream_open_that_nobody_needs(configs: dict[str, dict[str, Any]]) -> None:
    assert not any(config["connect_heartbeat"] for config in configs.values())


def test_each_page_has_its_own_island_and_an_unknown_one_is_not_found(
    visitor: httpx.Client, configs: dict[str, dict[str, Any]]
) -> None:
    islands = {path: _islands(config, path.strip("/")) for path, config in configs.items()}
    assert islands["/runs"] == ["island-runs"]
    assert islands["/playground"] == ["island-playground"]
    placed = [name for names in islands.values() for name in names]
    scripted = re.findall(
        r"^  \"?([\w-]+)\"?: \(\) => import", MAIN.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(placed) == sorted(f"island-{name}" for name in scripted)
    assert visitor.get("/nowhere").status_code == 404


def _islands(config: dict[str, Any], page: str) -> list[str]:
    """Return the ids of the places on a page that a script draws into."""
    shown = set(config["page"][page]["components"])
    named = [
        str(part["props"].get("elem_id")) for part in config["components"] if part["id"] in shown
    ]
    return [name for name in named if name.startswith("island-")]


def test_no_page_loads_anything_from_elsewhere(
    pages: dict[str, str], configs: dict[str, dict[str, Any]]
) -> None:
    for path, html in pages.items():
        loaded = [*LOADED.findall(html), *LOADED.findall(configs[path]["head"])]
        assert loaded, path
        assert [place for place in loaded if ELSEWHERE.match(place)] == [], path
        assert configs[path]["stylesheets"] == []


def test_what_a_page_loads_is_served_here(
    visitor: httpx.Client, configs: dict[str, dict[str, Any]]
) -> None:
    own = {place for config in configs.values() for place in LOADED.findall(config["head"])}
    assert {"/ui/studio.css", "/ui/js/main.js"} <= own
    for place in own:
        assert visitor.get(place).status_code == 200, place


def test_the_theme_asks_for_no_font_from_elsewhere() -> None:
    from studio.theme import theme  # noqa: PLC0415  (after Gradio's environment is set)

    made = theme()
    assert made._stylesheets == []
    styles = re.findall(r"url\(['\"]?(?!data:)([^)]*)", made._get_theme_css())
    assert [place for place in styles if ELSEWHERE.match(place)] == []
    assert "fonts.googleapis" not in made._get_theme_css()


def test_no_page_shows_html_or_runs_a_string(configs: dict[str, dict[str, Any]]) -> None:
    for path, config in configs.items():
        kinds = {part["type"] for part in config["components"]}
        assert "html" not in kinds, path
        assert not config["js"], path
        assert [event["js"] for event in config["dependencies"] if event["js"]] == [], path


def test_no_module_draws_html_or_names_a_script() -> None:
    for path in (PROJECT / "studio").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            assert ast.unparse(call.func) != "gr.HTML", path
            assert not [word for word in call.keywords if word.arg == "js"], path


def test_gradio_keeps_nothing_sends_nothing_and_shows_no_error(
    configs: dict[str, dict[str, Any]],
) -> None:
    for config in configs.values():
        assert config["show_error"] is False
        assert config["run_history"] is False
        assert config["analytics_enabled"] is False
        assert config["footer_links"] == []
        assert config["max_file_size"] == 70_000_000


def test_markdown_is_sanitized_wherever_it_is_shown(configs: dict[str, dict[str, Any]]) -> None:
    shown = [
        part["props"]
        for config in configs.values()
        for part in config["components"]
        if part["type"] == "markdown"
    ]
    assert len(shown) > 5
    assert all(props["sanitize_html"] is True for props in shown)


def test_every_field_has_a_name_that_is_read_out(configs: dict[str, dict[str, Any]]) -> None:
    fields = [
        part["props"]
        for config in configs.values()
        for part in config["components"]
        if part["type"] in {"textbox", "number", "dropdown", "checkbox", "radio", "file"}
    ]
    assert len(fields) > 20
    assert all(props["label"] for props in fields)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a fresh process says after it has imported the app as the web process does."""
    home = tmp_path_factory.mktemp("fresh")
    code = f"""
import json, sys
from pathlib import Path
from storage.settings import quiet_libraries
quiet_libraries(Path({str(home)!r}), offline=False)
import studio.app
from gradio import analytics
print(json.dumps([sorted(sys.modules), analytics.analytics_enabled()]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    modules, analytics = json.loads(ended.stdout)
    return {"modules": set(modules), "analytics": analytics}


def test_the_app_loads_no_torch(fresh: dict[str, Any]) -> None:
    heavy = {"torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "datasets"}
    assert fresh["modules"] & heavy == set()
    assert "gradio" in fresh["modules"]


def test_the_process_tells_nobody_that_it_runs(fresh: dict[str, Any]) -> None:
    assert fresh["analytics"] is False


def test_uploads_land_below_the_home(visitor: httpx.Client, tmp_path: Path) -> None:
    sent = visitor.post(
        "/gradio_api/upload",
        files={"files": ("mine.jsonl", b"{}\n")},
        headers={"Origin": str(visitor.base_url).rstrip("/")},
    )
    assert sent.status_code == 200, sent.text
    (place,) = sent.json()
    assert "/uploads/gradio/" in place
    assert Path(place).read_bytes() == b"{}\n"


def test_an_idle_studio_does_not_look_for_events_a_thousand_times_a_second(
    visitor: httpx.Client,
) -> None:
    assert visitor.get("/").is_success
    assert [one.sleep_when_free for one in looks] == [0.02]
    assert [one.progress_update_sleep_when_free for one in looks] == [0.1]
