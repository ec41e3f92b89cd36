"""The sample over HTTP: starter model, sample data and a first run with one request."""

from fastapi import APIRouter

from studio.api.person import Here, Person
from studio.api.runs import RunAnswer, details
from studio.services import sample

router = APIRouter(prefix="/sample", tags=["sample"])


@router.post("", status_code=201)
def start(studio: Here, owner: Person) -> RunAnswer:
    """Set the sample up and put its run into the queue; asked twice, it starts once."""
    return details(studio, owner, sample.start(studio, owner).id)
