"""A workplace for each story."""

import pytest

from studio.services.studio import Studio
from tests.fakes.workplace import Workplace


@pytest.fixture
def workplace(studio: Studio) -> Workplace:
    """Return an empty studio with a worker that works when it is told to."""
    return Workplace(studio)
