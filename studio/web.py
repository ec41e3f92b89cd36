"""The web process's application: guards, health, JSON API, chat, static files, then the pages."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio.to_thread
import httpx
from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from storage import shipped
from studio import security
from studio.api import (
    adapters,
    analyses,
    audit,
    chat,
    checkpoints,
    comparison,
    contestants,
    conversations,
    dataset_rows,
    datasets,
    diagnosis,
    errors,
    evaluations,
    feedback,
    health,
    leaderboard,
    models,
    next_prompts,
    presets,
    prompt_sets,
    queue,
    run_lists,
    runs,
    safety,
    safety_checks,
    sample,
    sweeps,
    system_prompts,
    telemetry,
    uploads,
    versions,
    votes,
)
from studio.services import uploads as left_behind
from studio.services.studio import Studio
from studio.version import VERSION

Pages = Callable[[FastAPI, Studio], FastAPI]

ROUTERS: list[APIRouter] = [
    dataset_rows.router,  # before the datasets: their ids would take its template for one
    versions.router,
    datasets.router,
    uploads.router,
    analyses.router,
    models.router,
    queue.router,
    run_lists.router,  # before the runs: their ids would take its words for one
    comparison.router,
    runs.router,
    checkpoints.router,
    diagnosis.router,
    telemetry.router,
    sweeps.router,
    presets.router,
    adapters.router,
    sample.router,
    contestants.router,
    safety.router,
    audit.router,
    votes.router,
    leaderboard.router,
    feedback.router,
    next_prompts.router,
    conversations.router,
    system_prompts.router,
    prompt_sets.router,
    evaluations.router,
    safety_checks.router,
]
"""What stands under /api/v1."""

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

CHAT_CONNECT_SECONDS = 5.0
"""An answer may take as long as it takes; only the first word to the server may not."""


def create_web(studio: Studio, pages: Pages | None, extra_hosts: Iterable[str] = ()) -> FastAPI:
    """Return the application of the web process.

    Args:
        studio: what the routes work in.
        pages: mounts the pages at "/" (`studio.app.mount_pages`); None serves the API alone.
        extra_hosts: host names that are let in beside those of this machine.
    """
    app = FastAPI(
        title="Tuning Studio",
        version=VERSION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
        responses={"4XX": {"model": errors.Problem}},
    )
    app.state.studio = studio
    errors.answer_errors(app)
    security.protect(app, studio.settings, extra_hosts)
    app.include_router(health.router)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")
    app.include_router(chat.router)
    app.add_api_route("/api/{rest:path}", _no_such_route, methods=METHODS, include_in_schema=False)
    app.add_api_route("/ui/plotly.min.js", _plotly, include_in_schema=False)
    app.mount("/ui", Static(directory=shipped.folder("static")))
    return pages(app, studio) if pages else app


class Static(StaticFiles):
    """The studio's own scripts, styles and pictures; browsers ask whether they have changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, to be checked again by its ETag at every visit."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await anyio.to_thread.run_sync(left_behind.sweep, app.state.studio)
    timeout = httpx.Timeout(None, connect=CHAT_CONNECT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        app.state.chat = client
        yield


def _no_such_route(request: Request) -> None:
    asked = f"{request.method} {request.url.path}"
    raise HTTPException(404, f"There is no {asked}; /api/v1/openapi.json lists what there is.")


def _plotly() -> FileResponse:
    headers = {"Cache-Control": "public, max-age=86400"}
    return FileResponse(plotly_file(), media_type="text/javascript", headers=headers)


def plotly_file() -> Path:
    """Return the plotly.js that the plotly package ships; importing the package takes a second."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("plotly is not installed")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
