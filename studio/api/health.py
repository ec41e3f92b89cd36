"""Whether the web process answers and its database can be read."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from studio.api.person import Here
from studio.version import VERSION

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The web process answers and can read its database."""

    status: Literal["ok"] = "ok"
    version: str


@router.get("/healthz")
def health(studio: Here) -> Health:
    """Answer as soon as the studio can be used."""
    with studio.database.read() as session:
        session.execute(text("SELECT 1"))
    return Health(version=VERSION)
