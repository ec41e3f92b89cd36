"""A template is tried before it is used: what is wrong is told with its line, nothing runs away."""

import time
from pathlib import Path

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from tests.fakes.families import TRL
from worker import tasks
from worker.training.template_room import environment
from worker.training.template_trial import BadTemplate, require_sound

GIVEN = (("bos_token", "<s>"), ("eos_token", "</s>"))
GOOD = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ("{% for m in messages %}\n{{ m.content }\n{% endfor %}", 2, "Line 2 .* is not right"),
        (GOOD + "\n\n{{ nobody.name }}", 3, "uses something that is not there: 'nobody'"),
        ("{{ messages.__class__.__mro__ }}", 1, "reaches for something .*__class__"),
        (GOOD + "\n{{ cycler.__init__.__globals__ }}", 2, "reaches for something .*__init__"),
        ("{{ 'a' * 10**9 }}", 1, "more than 512 MB of memory"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", 1, "writes without end"),
        (GOOD + "\n{{ messages + 1 }}", 2, "fails"),
        ("{{ raise_exception('never') }}", 1, "refuses a question with its answer: never"),
        ("{% for m in messages[::2] %}{{ m.content }}{% endfor %}", None, "leaves out the answers"),
        ("{{ bos_token }}", None, "leaves out the questions"),
    ],
)
def test_a_bad_template_is_told_with_its_line(template: str, line: int | None, words: str) -> None:
    with pytest.raises(BadTemplate, match=words) as told:
        require_sound(template, GIVEN)
    assert told.value.line == line


def test_loops_within_loops_are_ended_and_the_line_is_told() -> None:
    loops = "{% for a in range(99999) %}\n{% for b in range(99999) %}{% endfor %}{% endfor %}"
    before = time.process_time()
    with pytest.raises(BadTemplate, match=r"Line 2 .* takes more than 2 seconds"):
        require_sound(GOOD + loops, GIVEN)
    assert time.process_time() - before < 1, "the work is the child's"


def test_endless_writing_is_ended() -> None:
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}a{% endfor %}{% endfor %}"
    with pytest.raises(BadTemplate, match="writes without end"):
        require_sound(GOOD + loops, GIVEN)


def test_the_templates_of_models_of_text_are_sound() -> None:
    for name in ("llama3_2", "qwen3", "gemma3", "gptoss"):
        require_sound((TRL / f"{name}.jinja").read_text("utf-8"), GIVEN)


def test_the_room_writes_what_the_library_writes() -> None:
    turns = [{"role": "user", "content": "a <b>"}, {"role": "assistant", "content": "c"}] * 2
    tools = [{"type": "function", "function": {"name": "f", "description": "ü", "parameters": {}}}]
    for name in ("llama3_1", "qwen2_5_training", "gemma3", "phi3_training", "qwen3"):
        source = (TRL / f"{name}.jinja").read_text("utf-8")
        given = {"tools": tools if "qwen" in name else None, **dict(GIVEN)}
        room = environment().from_string(source).render(messages=turns, **given)
        assert [room] == render_jinja_template([turns], chat_template=source, **given)[0]


def test_the_studio_asks_through_its_door(tmp_path: Path) -> None:
    settings = '{"eos_token": {"content": "</end>"}, "bos_token": null}'
    (tmp_path / "tokenizer_config.json").write_text(settings)
    tasks.try_template(GOOD + "{{ eos_token + '' }}", tmp_path)
    with pytest.raises(BadTemplate, match=r"Line 1 .*'bos_token' is undefined"):
        tasks.try_template(GOOD + "{{ bos_token + '' }}", tmp_path)
