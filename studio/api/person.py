"""Who asks, and of which studio: the two things that every route needs."""

from typing import Annotated

from fastapi import Depends, Request

from storage.ids import LOCAL_PERSON
from studio.services.studio import Studio


def person() -> str:
    """Return the owner of what is asked for; without accounts there is one local person."""
    return LOCAL_PERSON


def studio(request: Request) -> Studio:
    """Return the studio that this web process serves."""
    found: Studio = request.app.state.studio
    return found


Person = Annotated[str, Depends(person)]
Here = Annotated[Studio, Depends(studio)]
