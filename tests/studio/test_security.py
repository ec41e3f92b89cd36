"""The guards before every route, on the whole application with its pages."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from storage import logs
from storage import settings as stored
from studio import app as pages
from studio import web
from studio.services import studio as studios
from studio.services.studio import Studio

EVIL = "http://evil.example"
Client = httpx.Client
Serve = Callable[[FastAPI], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The application as `tuning-studio web` serves it."""
    logs.configure("test")
    home = tmp_path_factory.mktemp("home")
    studio = studios.opened(stored.Settings(home=home, max_upload_bytes=20_000_000))

    async def built() -> FastAPI:
        return web.create_web(studio, pages.mount_pages)

    yield asyncio.run(built())  # as in the web process, inside an event loop
    studio.database.close()


@pytest.fixture(scope="module")
def browser(whole: FastAPI, serve: Serve) -> Iterator[Client]:
    """A client that speaks to that application over a real connection."""
    with serve(whole) as address, Client(base_url=address, trust_env=False, timeout=20) as client:
        yield client


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of an application and of what is mounted in it."""
    found: list[tuple[str, str]] = []
    _walk(app.routes, "", found)
    return sorted(set(found))


def _walk(table: list[BaseRoute], prefix: str, found: list[tuple[str, str]]) -> None:
    for route in table:
        inner = getattr(route, "original_router", None)
        if isinstance(route, Mount):
            _walk(route.routes, prefix + route.path, found)
            found.append(("GET", f"{prefix}{route.path}/x"))
        elif inner is not None:
            _walk(inner.routes, prefix, found)
        else:
            path = re.sub(r"\{[^}]*\}", "x", prefix + getattr(route, "path", "/"))
            found.extend((method, path) for method in getattr(route, "methods", None) or ["GET"])


def test_no_route_answers_to_a_foreign_host(whole: FastAPI, browser: Client) -> None:
    table = routes(whole)
    assert len(table) > 60, "the crawl does not see the pages' routes"
    for method, path in table:
        answer = browser.request(method, path, headers={"Host": "evil.example"})
        assert answer.status_code == 400, (method, path, answer.status_code)


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "https://localhost"])
def test_no_page_of_another_origin_can_change_anything(
    whole: FastAPI, browser: Client, origin: str
) -> None:
    changing = [(method, path) for method, path in routes(whole) if method not in ("GET", "HEAD")]
    assert len(changing) > 20
    for method, path in changing:
        answer = browser.request(method, path, headers={"Origin": origin})
        assert answer.status_code == 403, (method, path, answer.status_code)
        assert "access-control-allow-origin" not in answer.headers


def test_a_cross_site_request_without_an_origin_is_refused_too(browser: Client) -> None:
    answer = browser.post("/api/v1/sample", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", [EVIL, "http://localhost:9999", "null"])
def test_no_page_of_another_origin_can_read_an_answer(browser: Client, origin: str) -> None:
    for path in ("/", "/config", "/healthz", "/api/v1/runs", "/gradio_api/info"):
        headers = browser.get(path, headers={"Origin": origin}).headers
        assert "access-control-allow-origin" not in headers, path


def test_our_own_pages_are_let_in(browser: Client) -> None:
    port = browser.base_url.port
    for host in ("127.0.0.1", "localhost", "[::1]"):
        headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
        answer = browser.post("/api/v1/models", json={"source": "starter"}, headers=headers)
        assert answer.status_code == 201


def test_every_answer_carries_the_headers(browser: Client) -> None:
    for path in ("/", "/healthz", "/api/v1/nothing", "/ui/nothing", "/v1/models"):
        headers = browser.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    refused = browser.get("/healthz", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/runs", "/api/v1/models", "/v1/chat/completions", "/gradio_api/queue/join"],
)
def test_a_large_body_is_refused_before_it_is_read(browser: Client, path: str) -> None:
    answer = browser.post(path, content=b" " * 5_000_001)
    assert answer.status_code == 413
    assert "5 MB" in answer.json()["error"]["message"]


def test_a_large_body_of_unknown_length_is_refused_as_it_comes(browser: Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(6):
            yield b" " * 1_000_000

    answer = browser.post(
        "/api/v1/runs", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert "5 MB" in answer.json()["error"]["message"]


def test_uploads_have_a_limit_of_their_own(browser: Client) -> None:
    files = {"file": ("x.jsonl", b"x" * 6_000_000)}
    assert browser.post("/api/v1/datasets", files=files).status_code == 201
    large = {"file": ("x.jsonl", b"x" * 22_000_000)}
    assert browser.post("/api/v1/datasets", files=large).status_code == 413
    assert browser.post("/gradio_api/upload", files=large).status_code == 413


def test_a_piece_of_an_upload_has_a_limit_of_its_own(browser: Client) -> None:
    told = {"name": "x.jsonl", "size": 19_000_000, "last_modified": 0}
    upload = browser.post("/api/v1/uploads", json=told).json()
    address = f"/api/v1/uploads/{upload['id']}?offset=0"
    assert browser.put(address, content=b"x" * (8 * 2**20 + 2000)).status_code == 413
    assert browser.put(address, content=b"x" * 8 * 2**20).status_code == 200
    assert browser.put("/api/v1/runs/x", content=b"x" * 6_000_000).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/ui/../pyproject.toml",
        "/ui/%2e%2e/pyproject.toml",
        "/ui/%2e%2e%2fpyproject.toml",
        "/ui/..%5cpyproject.toml",
        "/ui/%00",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../etc/passwd",
        "/file=/etc/passwd",
    ],
)
def test_no_file_outside_is_served(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code in (400, 403, 404), answer.status_code
    assert "root:" not in answer.text
    assert "[project]" not in answer.text


def test_an_unexpected_error_shows_an_id_and_nothing_else(
    whole: FastAPI, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio: Studio = whole.state.studio

    def broken() -> None:
        raise RuntimeError("secret detail in /home/somebody")

    monkeypatch.setattr(studio.database, "read", broken)
    with structlog.testing.capture_logs() as logged:
        answer = browser.get("/healthz")

    assert answer.status_code == 500
    words = answer.json()["error"]["message"]
    assert re.fullmatch(r"Something unexpected went wrong \(error [0-9a-f]{8}\)\.", words)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert [(one["id"], str(one["exc_info"])) for one in logged] == [
        (answer.json()["error"]["id"], "secret detail in /home/somebody")
    ]


def test_the_scripts_are_served_from_here(browser: Client) -> None:
    plotly = browser.get("/ui/plotly.min.js")
    assert plotly.headers["content-type"].startswith("text/javascript")
    assert "plotly.js v" in plotly.text[:300]
    page = browser.get("/").text
    assert not re.findall(r'(?:src|href)="https?://(?!127\.0\.0\.1)[^"]+', page)


def test_the_web_process_loads_no_torch() -> None:
    code = (
        "import sys; from studio import app, web, server; "
        "bad = {'torch', 'transformers', 'trl', 'peft', 'datasets'} & set(sys.modules); "
        "sys.exit(' '.join(sorted(bad)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(web.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
