"""Who can be talked to where another server answers in place of the studio's own models."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON
from studio.services import chat, evaluations
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

ServedAt = Callable[[FastAPI, int], AbstractContextManager[str]]


def chat_server(answer: Response) -> FastAPI:
    """A chat server that answers with this when it is asked for its models."""
    app = FastAPI()
    app.add_api_route("/v1/models", lambda: answer, methods=["GET"], response_model=None)
    return app


@pytest.fixture
def passing_on(studio: Studio) -> Studio:
    """A studio whose chat server asks another one."""
    settings = studio.settings.model_copy(update={"chat_url": "http://gpu:9000"})
    return replace(studio, settings=settings)


def test_its_models_are_listed_under_their_names(passing_on: Studio, served_at: ServedAt) -> None:
    told = JSONResponse({"data": [{"id": "llama-70b"}, {"id": "qwen"}]})
    with served_at(chat_server(told), passing_on.settings.chat_port):
        found = chat.listing(passing_on, LOCAL_PERSON)
    assert [(one.name, one.title) for one in found] == [
        ("llama-70b", "llama-70b"),
        ("qwen", "qwen"),
    ]
    assert chat.find(passing_on, LOCAL_PERSON, "qwen") == found[1]


def test_many_questions_go_to_the_studios_own_models_all_the_same(passing_on: Studio) -> None:
    model = Workplace(passing_on).model()
    assert [one.name for one in chat.own(passing_on, LOCAL_PERSON)] == [f"base:{model.id}"]
    told = {"name": "Asked", "prompts": [{"text": "Why?"}]}
    with pytest.raises(Refused) as refused:
        evaluations.ask(passing_on, LOCAL_PERSON, {**told, "contestants": ["qwen"]})
    assert [fault.field for fault in refused.value.faults] == ["contestants"]
    own = {**told, "contestants": [f"base:{model.id}"]}
    assert evaluations.ask(passing_on, LOCAL_PERSON, own).contestants == own["contestants"]


def test_a_server_that_is_away_is_said_in_its_own_words(
    passing_on: Studio, served_at: ServedAt
) -> None:
    refusal = JSONResponse({"error": {"message": "The server at gpu does not answer."}}, 503)
    with (
        served_at(chat_server(refusal), passing_on.settings.chat_port),
        pytest.raises(StudioError, match="The server at gpu does not answer"),
    ):
        chat.listing(passing_on, LOCAL_PERSON)
    with pytest.raises(StudioError, match="chat server does not answer"):
        chat.listing(passing_on, LOCAL_PERSON)


def test_without_another_server_the_studio_knows_its_own(studio: Studio) -> None:
    assert chat.listing(studio, LOCAL_PERSON) == []
    with pytest.raises(NotFound):
        chat.find(studio, LOCAL_PERSON, "qwen")
