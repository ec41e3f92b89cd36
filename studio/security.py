"""What stands before every route: known hosts, our own origin, body limits, response headers."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.settings import Settings
from studio import addresses

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a browser on this machine reaches the studio."""

JSON_BYTES: Final = 5_000_000
"""The largest body of a request that is no upload."""

UPLOADS: Final = ("/api/v1/datasets", "/gradio_api/upload")
"""The routes that take files."""

PIECES: Final = "/api/v1/uploads/"
"""Below this a piece of a file is put."""

PIECE_BYTES: Final = 8 * 2**20 + 1024
"""The largest piece, and a little room."""

MULTIPART_BYTES: Final = 1_000_000
"""What boundaries and headers of an upload may add to its file."""

POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",  # Gradio starts from an inline script
        "style-src 'self' 'unsafe-inline'",  # Gradio and plotly.js set inline styles
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "object-src 'none'",
        "base-uri 'self'",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


def protect(app: FastAPI, settings: Settings, extra_hosts: Iterable[str] = ()) -> None:
    """Put the guards before every route of `app`; the last one added is met first."""
    hosts = [*LOOPBACK, addresses.shown(settings.host), *extra_hosts]
    # Gradio leaves out its own CORS rule, which lets foreign origins in, where this one is found.
    app.add_middleware(CORSMiddleware)
    app.add_middleware(BodyLimit, upload_bytes=settings.max_upload_bytes + MULTIPART_BYTES)
    app.add_middleware(OriginCheck)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(SecurityHeaders)


class SecurityHeaders:
    """Adds the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)


class OriginCheck:
    """Refuses what a page of another origin wants to change (403); reading is safe without CORS.

    A client that is no browser sends no Origin and is let through. The Host header was checked
    before, so that the origin of our own pages is the one whose host and port it names.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan" or not self._is_foreign(scope):
            await self.app(scope, receive, send)
        else:
            answer = JSONResponse(_words("This request came from another site's page."), 403)
            await answer(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            return False
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        return urlsplit(origin).netloc != headers.get("host")


class BodyLimit:
    """Refuses bodies that are too large (413), by their announced and by their real length."""

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self.app = app
        self.upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self._most(scope)
        if _announced(scope) > most:
            await JSONResponse(_words(_too_large(most)), 413)(scope, receive, send)
            return
        await self.app(scope, _limited(receive, most), send)

    def _most(self, scope: Scope) -> int:
        if scope["method"] == "PUT" and scope["path"].startswith(PIECES):
            return PIECE_BYTES
        is_upload = scope["method"] == "POST" and scope["path"].rstrip("/") in UPLOADS
        return self.upload_bytes if is_upload else JSON_BYTES


def _announced(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isdecimal() else 0


def _limited(receive: Receive, most: int) -> Receive:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, _too_large(most))
        return message

    return counted


def _too_large(most: int) -> str:
    return f"The request is larger than the {most / 1e6:,.0f} MB that the studio takes here."


def _words(message: str, hint: str = "") -> dict[str, dict[str, str]]:
    return {"error": {"message": message, "hint": hint}}
