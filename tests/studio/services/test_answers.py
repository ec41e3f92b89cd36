"""A larger model is asked to write answers: what is refused before it begins, and what is kept."""

from typing import Any

import pytest

from storage.errors import Refused
from storage.ids import LOCAL_PERSON as ME
from studio.services import base_models, versions
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready
from tests.fakes.workplace import Workplace

PAIR = [{"prompt": [], "chosen": [], "rejected": []}] * 3


def faults(studio: Studio, **settings: Any) -> dict[str, str]:
    """Return what is wrong with a wish for answers, by field."""
    with pytest.raises(Refused) as error:
        versions.make(studio, ME, {"kind": "answers", **settings})
    return {fault.field.removeprefix("operation."): fault.message for fault in error.value.faults}


def test_who_answers_is_kept_by_the_name_it_had(studio: Studio) -> None:
    data, model = ready(studio, questions(3)), Workplace(studio).model()
    asked = {"dataset_id": data.id, "voice": f"base:{model.id}", "longest": 64}
    made = versions.make(studio, ME, {"kind": "answers", **asked})
    assert made.name == "answers, answered by a model"
    assert made.parents == [data.id]
    assert made.operation is not None
    assert made.operation["called"] == model.name
    assert made.operation["temperature"] == 0
    assert made.operation["keep_cut_off"] is False


def test_every_fault_is_told_at_once_by_field(studio: Studio) -> None:
    pairs = ready(studio, PAIR, "pairs.jsonl", target="preference").id
    model = Workplace(studio).model()
    told = faults(studio, dataset_id=pairs, voice=f"base:{model.id}", existing="keep", longest=8192)
    assert told.keys() == {"existing", "longest"}
    assert "no conversations" in told["existing"]
    assert "tokens in all" in told["longest"]
    limits = faults(studio, dataset_id=pairs, voice="", temperature=3, longest=0)
    assert limits.keys() == {"voice", "temperature", "longest"}


def test_nobody_is_asked_who_is_not_there(studio: Studio) -> None:
    data = ready(studio, questions(3)).id
    assert "no such model" in faults(studio, dataset_id=data, voice="base:gone")["voice"]
    waiting = base_models.add_folder(studio, ME, "/nowhere")
    told = faults(studio, dataset_id=data, voice=f"base:{waiting.id}")
    assert "not ready" in told["voice"]
