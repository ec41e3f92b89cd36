"""Starts the chat server: `python -m worker.chat`."""

import asyncio
from typing import TYPE_CHECKING

import uvicorn

from storage import database, settings
from storage.artifacts import Artifacts
from storage.database import Database
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from worker import quiet  # noqa: F401  (before the libraries are imported)

if TYPE_CHECKING:
    from worker.chat.answers import Models


def main() -> None:
    """Listens on 127.0.0.1 until it is told to stop; loads no model before the first question."""
    read = settings.load()
    settings.quiet_libraries(read.home, offline=True)
    asyncio.run(_serve(read))


async def _serve(read: Settings) -> None:
    # The libraries look at the environment when they are imported, so only now.
    from worker.chat.care import InCare  # noqa: PLC0415
    from worker.chat.guards import Guards  # noqa: PLC0415
    from worker.chat.server import create_app  # noqa: PLC0415
    from worker.chat.trail import InTrail  # noqa: PLC0415

    opened = database.opened(read)
    try:
        guards = Guards(opened, read.home, LOCAL_PERSON)
        models = InCare(_models(read, opened), guards)
        app = create_app(InTrail(models, opened, Artifacts(read.home), LOCAL_PERSON))
        await uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=read.chat_port, log_config=None)
        ).serve()
    finally:
        opened.close()


def _models(read: Settings, opened: Database) -> "Models":
    """Another server's where the settings name one, else the studio's own."""
    from worker.chat.engine import Engine, Limits  # noqa: PLC0415
    from worker.chat.other_server import OtherServer  # noqa: PLC0415
    from worker.chat.own_models import OwnModels  # noqa: PLC0415
    from worker.chat.prompts import Prompts  # noqa: PLC0415
    from worker.chat.recall import Recall  # noqa: PLC0415
    from worker.chat.room import Shared, loads_onto  # noqa: PLC0415
    from worker.chat.stored import StoredCatalogue  # noqa: PLC0415

    recall = Recall(opened)
    if read.chat_url:
        return OtherServer(read.chat_url, read.chat_key, recall)
    catalogue = StoredCatalogue(opened, Artifacts(read.home), LOCAL_PERSON)
    limits = Limits(adapter_bytes=read.chat_adapter_bytes)
    room = Shared(opened, loads_onto(read.visible_cards))
    return OwnModels(Engine(limits, room), catalogue, Prompts(), recall)


if __name__ == "__main__":
    main()
