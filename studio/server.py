"""The web process: `python -m studio.server` serves the studio until it is told to end."""

import asyncio
import logging
import sys
from contextlib import suppress

import uvicorn

from storage import logs, settings
from storage.settings import Settings
from studio import addresses

SECONDS_TO_END = 3
"""Streams to browsers (live pages, answers of the chat) are cut after so long on shutdown."""


def main() -> None:
    """Serve the pages and the API on the address that the settings name."""
    logs.configure("web")
    chosen = settings.load()
    if not addresses.is_loopback(chosen.host):
        sys.exit("The studio has no login yet, so it only listens on this machine (127.0.0.1).")
    settings.quiet_libraries(chosen.home, offline=False)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(chosen))


async def _serve(chosen: Settings) -> None:
    """Build the application and serve it until SIGTERM or SIGINT.

    It is built inside the event loop: outside one Gradio makes a loop for each of its locks and
    closes none.
    """
    # Gradio reads its environment when it is imported, so that comes after `quiet_libraries`.
    from studio import app, web  # noqa: PLC0415
    from studio.services import studio  # noqa: PLC0415

    application = web.create_web(studio.opened(chosen), app.mount_pages)
    config = uvicorn.Config(
        application,
        host=chosen.host,
        port=chosen.port,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    main()
