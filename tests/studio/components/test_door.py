"""The door of the pages' handlers: what leaves it is in plain words."""

import errno
import inspect

import gradio as gr
import pytest
from structlog.testing import capture_logs

from storage.errors import StudioError
from studio.components import door


def test_what_a_person_can_mend_is_said_with_its_hint() -> None:
    with pytest.raises(gr.Error, match=r"The name is taken\. Choose another\."), door.answered():
        raise StudioError("The name is taken.", "Choose another.")


def test_a_full_disk_is_named_as_such() -> None:
    with pytest.raises(gr.Error, match="The disk is full"), door.answered():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_of_what_nobody_foresaw_only_an_id_is_shown() -> None:
    with capture_logs() as logged, pytest.raises(gr.Error) as shown, door.answered():
        raise RuntimeError("/home/anna/secret.txt")
    assert "secret" not in str(shown.value.message)
    identifier = str(shown.value.message).split("error ")[1][:8]
    assert [(one["id"], str(one["exc_info"])) for one in logged] == [
        (identifier, "/home/anna/secret.txt")
    ]


def test_a_handler_behind_the_door_keeps_its_parameters_for_gradio() -> None:
    @door.answered()
    def handler(request: gr.Request, name: str) -> str:
        return name

    assert handler(None, "anna") == "anna"  # type: ignore[arg-type]
    assert list(inspect.signature(handler).parameters) == ["request", "name"]
