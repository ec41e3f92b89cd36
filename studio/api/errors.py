"""The door where errors become answers: words for the person, a traceback for the log."""

from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import volumes
from storage.errors import Fault, NotFound, Refused, StudioError
from studio import mishaps
from studio.services.datasets import TooLarge
from studio.services.studio import Studio
from studio.services.uploads import Misplaced

log = structlog.get_logger()


class Unreadable(StudioError):
    """The request itself cannot be understood."""


class UnknownKind(StudioError):
    """The body is of another content type than this route reads."""


STATUS: list[tuple[type[StudioError], int]] = [
    (NotFound, 404),
    (Refused, 422),
    (TooLarge, 413),
    (UnknownKind, 415),
    (Unreadable, 400),
    (StudioError, 409),
]
"""The first kind that fits decides; what is left is a move that the present state forbids."""


class Words(BaseModel):
    """What went wrong and what to do now; `id` finds an unexpected error in the log.

    `detail` is for programs: `received`, the bytes of an upload that are there.
    """

    message: str
    hint: str
    id: str | None = None
    detail: dict[str, int] | None = None


class Problem(BaseModel):
    """The answer to a request that failed; `faults` has every mistake of a form, by field."""

    error: Words
    faults: list[Fault] | None = None


def answer_errors(app: FastAPI) -> None:
    """Let `app` answer every error in the form of `Problem`."""
    app.add_middleware(Unexpected)
    app.add_exception_handler(StudioError, _studio_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(OSError, _system_error)
    app.add_exception_handler(OverflowError, _too_large)


def problem(status: int, message: str, hint: str = "", **more: object) -> JSONResponse:
    """Return an error answer."""
    found = Problem.model_validate({"error": {"message": message, "hint": hint}, **more})
    return JSONResponse(found.model_dump(exclude_none=True), status)


class Unexpected:
    """Turns what nobody foresaw into an id for the person and a traceback in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except ClientDisconnect:
            log.info("client_gone", path=scope["path"])
        except Exception as error:  # the outermost door: whatever it is, the person gets an id
            if scope["type"] != "http":
                raise
            answer = _unexpected(scope, error)
            if not started:
                await answer(scope, receive, send)


def _unexpected(scope: Scope, error: Exception) -> Response:
    told = mishaps.told(error, _home(scope), method=scope["method"], path=scope["path"])
    words = Words(message=told.message, hint=told.hint, id=told.id or None)
    status = 507 if volumes.is_full(error) else 500
    return JSONResponse(Problem(error=words).model_dump(exclude_none=True), status)


def _home(scope: Scope) -> Path | None:
    """Return the studio's folder, where the application knows its studio."""
    studio: Studio | None = getattr(scope["app"].state, "studio", None)
    return studio.settings.home if studio is not None else None


def _studio_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StudioError):
        raise error
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    if isinstance(error, Misplaced):
        words = Words(message=error.message, hint=error.hint, detail={"received": error.received})
        return JSONResponse(Problem(error=words).model_dump(exclude_none=True), status)
    faults = {"faults": error.faults} if isinstance(error, Refused) else {}
    return problem(status, error.message, error.hint, **faults)


def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    answer = problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [Fault(_field(found["loc"]), found["msg"]) for found in error.errors()]
    return _studio_error(request, Refused(faults))


def _too_large(request: Request, error: Exception) -> Response:
    """Answer for a number that was asked for and that no database could hold."""
    if "too large to convert to SQLite" not in str(error):
        raise error
    return problem(422, "A number in the request is too large.", "Nothing has so large a number.")


def _field(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _system_error(request: Request, error: Exception) -> Response:
    if volumes.is_full(error):
        told = mishaps.told(error, _home(request.scope))
        return problem(507, told.message, told.hint)
    raise error
