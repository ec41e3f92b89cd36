"""Safety checks are a person's own: nobody else asks for them, reads them or has them in a card."""

import pytest

from storage.errors import NotFound, Refused
from storage.ids import LOCAL_PERSON
from studio.services import model_cards, safety_checks, safety_files
from tests.fakes.workplace import Workplace

OTHER = "somebody else"


def test_what_one_person_has_checked_is_nobody_elses(workplace: Workplace) -> None:
    studio = workplace.studio
    base = f"base:{workplace.model().id}"
    check = safety_checks.ask(studio, LOCAL_PERSON, {"contestant": base})

    assert safety_checks.get(studio, LOCAL_PERSON, check.id).id == check.id
    assert safety_checks.listing(studio, OTHER) == []
    assert model_cards.newest_check(studio, OTHER, base) is None
    with pytest.raises(NotFound):
        safety_checks.get(studio, OTHER, check.id)
    with pytest.raises(NotFound):
        safety_checks.cases(studio, OTHER, check.id, 0)
    with pytest.raises(NotFound):
        safety_files.table(studio, OTHER, check.id)
    with pytest.raises(Refused):
        safety_checks.ask(studio, OTHER, {"contestant": base})
    with pytest.raises(Refused):
        safety_checks.plan(studio, OTHER, base)
