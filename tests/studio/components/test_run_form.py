"""The form of a run without a browser: filled in, judged, begun, opened for a copy."""

import asyncio
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from storage.ids import LOCAL_PERSON as ME
from storage.status import RunStatus
from studio.components import run_form
from studio.components.run_form import NAMES, RunForm
from studio.services import base_models, datasets, runs
from studio.words import say
from tests.fakes.prepared_data import questions, ready
from tests.fakes.workplace import Workplace


class Filled:
    """What an event of the form has given back, by the name of the widget."""

    def __init__(self, updates: list[Any]) -> None:
        assert len(updates) == len(NAMES) + 4
        self.updates = dict(zip(NAMES, updates, strict=False))
        self.card, self.badge, self.start, self.data = updates[len(NAMES) :]

    @property
    def values(self) -> dict[str, Any]:
        """The values that the widgets show."""
        return {name: update.get("value") for name, update in self.updates.items()}

    @property
    def can_start(self) -> bool:
        """Whether Start can be pressed."""
        return bool(self.start["interactive"])

    def with_(self, **changes: Any) -> list[Any]:
        """Return the values as the form sends them, some of them changed."""
        return [{**self.values, **changes}[name] for name in NAMES]


@pytest.fixture
def form(workplace: Workplace) -> RunForm:
    """Return the form on its page, built inside an event loop as in the web process."""

    async def built() -> RunForm:
        with gr.Blocks(analytics_enabled=False) as page:
            made = RunForm(workplace.studio)
            made.connect(page)
        return made

    return asyncio.run(built())


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the page has told the person at its corner."""
    words: list[str] = []
    monkeypatch.setattr(run_form.gr, "Warning", lambda text, **_: words.append(text))
    return words


def opened(form: RunForm, **query: str) -> Filled:
    """Return the form as it opens at an address."""
    return Filled(form.open(SimpleNamespace(query_params=query)))  # type: ignore[arg-type]


def test_every_setting_has_a_widget_in_the_order_of_the_settings(form: RunForm) -> None:
    assert list(form.widgets) == [name for name in form.widgets if name in NAMES]
    assert set(form.widgets) == set(NAMES)
    assert form.inputs == [form.widgets[name] for name in NAMES]


def test_with_nothing_to_train_the_form_opens_and_says_what_is_missing(form: RunForm) -> None:
    shown = opened(form)
    assert not shown.can_start
    assert "Data" in shown.card
    assert "Base model" in shown.card


def test_the_form_opens_with_the_newest_data_and_model_and_can_start(
    form: RunForm, workplace: Workplace
) -> None:
    data, model = workplace.data(), workplace.model()
    shown = opened(form)
    assert (shown.values["dataset_id"], shown.values["base_model_id"]) == (data.id, model.id)
    assert shown.values["name"] == f"{data.name} on {model.name}"
    assert shown.updates["dataset_id"]["choices"] == [("answers.jsonl (60 rows)", data.id)]
    assert "q_proj" in shown.updates["target_modules"]["choices"]
    assert shown.can_start
    assert shown.badge == say("train.unchanged")
    run_id = form.begin(*shown.with_())
    assert runs.get(workplace.studio, ME, run_id).status is RunStatus.QUEUED


def test_data_with_an_exam_of_its_own_is_said_and_leads_to_its_tokens(
    form: RunForm, workplace: Workplace
) -> None:
    plain = workplace.data()
    model = workplace.model()
    marked = ready(workplace.studio, questions(60), "marked.jsonl", rows_held_out=12)
    shown = opened(form, dataset=marked.id)
    assert say("train.held_out", n="12") in shown.data
    assert f"/data?dataset={marked.id}&view=learned&model={model.id}" in shown.data
    assert say("train.held_out", n="12") not in opened(form, dataset=plain.id).data


def test_an_address_may_ask_for_data_and_a_model(form: RunForm, workplace: Workplace) -> None:
    first = workplace.data()
    workplace.data(b'{"text": "one"}\n{"text": "two"}\n')
    workplace.model()
    assert opened(form, dataset=first.id).values["dataset_id"] == first.id
    other = opened(form, dataset="data_000000000000", model="../../etc")
    assert other.values["dataset_id"] != "data_000000000000"
    assert other.can_start


def test_a_copy_brings_every_setting_along(form: RunForm, workplace: Workplace) -> None:
    opened_first = (workplace.data(), workplace.model()) and opened(form)
    given = opened_first.with_(rank=5, seed=7, target_modules=["q_proj"], name="Mine")
    run_id = form.begin(*given)
    copied = opened(form, copy=run_id)
    assert copied.values["name"] == "Copy of Mine"
    assert (copied.values["rank"], copied.values["seed"]) == (5, 7)
    assert copied.values["target_modules"] == ["q_proj"]
    assert copied.badge == say("train.changed", n=3)
    assert copied.can_start


def test_a_copy_of_what_is_not_there_opens_the_usual_form(
    form: RunForm, workplace: Workplace, said: list[str]
) -> None:
    workplace.data()
    workplace.model()
    assert opened(form, copy="run_000000000000").can_start
    assert len(said) == 1
    assert "no run" in said[0]


def test_a_preset_fills_the_settings_and_keeps_the_choice(
    form: RunForm, workplace: Workplace
) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    quality = Filled(form.fill(*shown.with_(preset="quality")))
    assert quality.values["epochs"] > shown.values["epochs"]
    assert quality.values["preset"] == "quality"
    assert quality.values["dataset_id"] == shown.values["dataset_id"]


def test_each_change_is_judged_and_counted(form: RunForm, workplace: Workplace) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    card, badge, start, _ = form.judge(*shown.with_(rank=33, learning_rate=None, alpha=3))
    assert badge == say("train.changed", n=3)
    assert not start["interactive"]
    assert "Learning speed" in card
    card, badge, start, _ = form.judge(*shown.with_(alpha=3))
    assert badge == say("train.changed", n=1)
    assert start["interactive"]
    assert "Ready to start" in card


def test_a_refused_start_says_why_and_starts_nothing(
    form: RunForm, workplace: Workplace, said: list[str]
) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    assert form.begin(*shown.with_(rank=0, max_length=100_000)) == ""
    assert len(said) == 1
    assert "Room to learn: Must be at least 1." in said[0]
    assert runs.listing(workplace.studio, ME) == []


def test_data_deleted_in_another_tab_is_said_and_nothing_breaks(
    form: RunForm, workplace: Workplace, said: list[str]
) -> None:
    data, model = workplace.data(), workplace.model()
    shown = opened(form)
    datasets.delete(workplace.studio, ME, data.id)
    base_models.delete(workplace.studio, ME, model.id)
    card, _, start, _ = form.judge(*shown.with_())
    assert not start["interactive"]
    assert "There is no" in card
    filled = Filled(form.fill(*shown.with_(preset="quick")))
    assert not filled.can_start
    assert "There is no" in filled.card
    assert form.begin(*shown.with_()) == ""
    assert said


def test_data_that_is_being_read_is_offered_and_failed_data_is_not(
    form: RunForm, workplace: Workplace
) -> None:
    workplace.data(b"\n")
    workplace.model()
    reading = datasets.receive(workplace.studio, ME, "new.jsonl", [b'{"text": "a"}\n'])
    shown = opened(form)
    assert shown.updates["dataset_id"]["choices"] == [("new.jsonl (being read)", reading.id)]
    assert shown.can_start


def test_a_copy_whose_data_was_deleted_keeps_its_settings_and_says_what_is_missing(
    form: RunForm, workplace: Workplace
) -> None:
    data = workplace.data()
    workplace.model()
    run_id = form.begin(*opened(form).with_(rank=5))
    datasets.delete(workplace.studio, ME, data.id)
    copied = opened(form, copy=run_id)
    assert copied.values["rank"] == 5
    assert "no dataset" in copied.card
    assert not copied.can_start
