"""Personal data in any text of a row becomes words in brackets; other rows stay as they are."""

import json

import pytest

from storage.errors import StudioError
from storage.operations import Redact

MAIL, CARD = "jane.doe@clinic.org", "4111 1111 1111 1111"


def redacted(workshop, rows: list[dict], *kinds: str) -> list[dict]:
    return workshop.rows(Redact(dataset_id="d", kinds=kinds), workshop.dataset(rows))


def test_every_turn_is_looked_at(workshop, chat) -> None:
    (row,) = redacted(workshop, [chat(f"I am {MAIL}", f"Hello {MAIL}", f"Serve {MAIL}")])
    assert [t["content"] for t in row["messages"]] == [
        "Serve [e-mail]",
        "I am [e-mail]",
        "Hello [e-mail]",
    ]


def test_every_side_of_a_pair_is_looked_at(workshop) -> None:
    sides = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    row = {side: [{"role": role, "content": f"{side} {MAIL}"}] for side, role in sides.items()} | {
        "split": "test"
    }
    (made,) = redacted(workshop, [row])
    assert json.dumps(made) == json.dumps(row).replace(MAIL, "[e-mail]")


def test_kinds_that_are_not_asked_for_stay(workshop) -> None:
    (made,) = redacted(workshop, [{"text": f"{MAIL} paid with {CARD}"}], "card")
    assert made == {"text": f"{MAIL} paid with [card number]"}


def test_what_a_tool_is_called_with_stays_json(workshop) -> None:
    given = {"to": [MAIL], "card": 4111111111111111, "urgent": True}
    call = {"id": "1", "type": "function", "function": {"name": "send", "arguments": given}}
    row = {
        "messages": [
            {"role": "user", "content": "Send it."},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": f"sent to {MAIL}", "tool_call_id": "1"},
            {"role": "assistant", "content": "Done."},
        ]
    }
    (made,) = redacted(workshop, [row])
    arguments = made["messages"][1]["tool_calls"][0]["function"]["arguments"]
    arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    assert arguments == {"to": ["[e-mail]"], "card": "[card number]", "urgent": True}
    assert made["messages"][2]["content"] == "sent to [e-mail]"


def test_rows_without_personal_data_stay_byte_for_byte(workshop) -> None:
    line = b'{ "text": "caf\\u00e9 and tea" }\n'
    data = workshop.dataset(line + b'{"text": "to jane.doe@clinic.org"}\n')
    assert workshop.lines(Redact(dataset_id="d"), data) == [line, b'{"text":"to [e-mail]"}\n']


def test_an_unknown_kind_is_refused_with_those_there_are(workshop) -> None:
    with pytest.raises(StudioError, match=r"'shoe size' is not known.*email"):
        redacted(workshop, [{"text": "t"}], "shoe size")
