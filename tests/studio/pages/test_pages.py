"""What the handlers of the pages do: models added, the token kept."""

from typing import Any

import pytest

from storage.ids import LOCAL_PERSON as ME
from studio.pages import PAGES, models, settings
from studio.services import base_models
from studio.words import say
from tests.fakes.workplace import Workplace


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return what the pages have told the person, warnings apart."""
    words: dict[str, list[str]] = {"Info": [], "Warning": []}

    def listen(kind: str) -> Any:
        return lambda text, **_: words[kind].append(text)

    for kind in words:
        monkeypatch.setattr(models.gr, kind, listen(kind))
    return words


def test_each_page_has_a_title_and_an_address_of_its_own() -> None:
    assert len({page.path for page in PAGES}) == len({page.title for page in PAGES}) == len(PAGES)
    assert PAGES[0].path == ""
    assert all(page.path.startswith("/") for page in PAGES[1:])


def test_a_refused_model_stays_in_its_field_and_an_added_one_empties_it(
    workplace: Workplace, said: dict[str, list[str]]
) -> None:
    studio = workplace.studio
    assert models._add("", lambda: base_models.add_hub(studio, ME, "")) == ""
    assert "owner/name" in said["Warning"][0]
    assert models._add("org/tiny", lambda: base_models.add_hub(studio, ME, "org/tiny")) == ""
    assert said["Info"] == [say("models.added", name="org/tiny")]
    assert [one.reference for one in base_models.listing(studio, ME)] == ["org/tiny"]


def test_the_token_is_never_shown_again(workplace: Workplace, said: dict[str, list[str]]) -> None:
    shown, state = settings._save(workplace.studio, "hf_secret")
    assert (shown, state) == ("", say("settings.token_there"))
    assert settings._save(workplace.studio, "  ") == ("", say("settings.token_none"))
    assert said["Info"] == [say("settings.token_saved"), say("settings.token_removed")]
    assert not any("hf_secret" in words for words in said["Info"])
