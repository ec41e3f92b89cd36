"""The form of a run without a browser: filled in, judged, begun, opened for a copy."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from storage import specs
from storage.ids import LOCAL_PERSON as ME
from storage.status import RunStatus
from studio.advice import presets
from studio.components import run_form
from studio.components.form_values import CONDITIONAL, NAMES
from studio.components.run_form import RunForm
from studio.services import base_models, datasets, runs
from studio.words import say
from tests.fakes.prepared_data import questions, ready
from tests.fakes.workplace import Workplace

HEADINGS = specs.GROUPS[1:]


class Filled:
    """What an event of the form has given back, by the name of the widget."""

    def __init__(self, updates: list[Any], names: tuple[str, ...] = NAMES) -> None:
        self.updates = dict(zip(names, updates, strict=False))
        said = updates[len(names) :]
        self.card, self.badge, self.start, self.data, self.others, self.why = said[:6]
        self.headings = dict(zip(HEADINGS, said[-len(HEADINGS) :], strict=True))

    @property
    def values(self) -> dict[str, Any]:
        """The values that the widgets show."""
        return {name: update.get("value") for name, update in self.updates.items()}

    @property
    def hidden(self) -> set[str]:
        """The settings that are not shown."""
        return {name for name, update in self.updates.items() if update.get("visible") is False}

    def offered(self, name: str) -> list[str]:
        """Return what a list offers to choose from."""
        return [value for _, value in self.updates[name]["choices"]]

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


def judged(form: RunForm, values: list[Any]) -> Filled:
    """Return what a change of these values brings."""
    return Filled(form.judge(*values), CONDITIONAL)


def opened(form: RunForm, **query: str) -> Filled:
    """Return the form as it opens at an address."""
    return Filled(form.open(SimpleNamespace(query_params=query)))  # type: ignore[arg-type]


def test_every_setting_has_a_widget_in_the_order_of_the_settings(form: RunForm) -> None:
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
    assert copied.badge.startswith("Settings changed from the preset: 3 (")
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
    found = judged(form, shown.with_(rank=33, learning_rate=None, alpha=3))
    assert found.badge.startswith("Settings changed from the preset: 3 (")
    assert "Strength" in found.badge
    assert not found.can_start
    assert "Learning speed" in found.card
    found = judged(form, shown.with_(alpha=3))
    assert found.badge == say("train.changed", n=1, names="Strength")
    assert found.can_start
    assert "Ready to start" in found.card


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
    after = judged(form, shown.with_())
    assert not after.can_start
    assert "There is no" in after.card
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


# Ways of learning.


@pytest.mark.parametrize(
    ("target", "method"),
    [("chat", "sft"), ("text", "pretrain"), ("preference", "dpo"), ("labelled", "kto")],
)
def test_data_brings_the_way_of_learning_that_suits_it(
    form: RunForm, workplace: Workplace, target: str, method: str
) -> None:
    workplace.model()
    ready(workplace.studio, questions(60), target=target)
    shown = opened(form)
    assert shown.values["method"] == method
    assert method in shown.offered("method")
    assert shown.can_start


def test_only_ways_that_fit_the_data_can_be_chosen_and_the_others_say_what_they_need(
    form: RunForm, workplace: Workplace
) -> None:
    workplace.model()
    ready(workplace.studio, questions(60), target="preference")
    shown = opened(form)
    assert shown.offered("method") == ["dpo", "kto", "orpo", "reward"]
    assert "Your data holds better and worse answers" in shown.others
    assert re.search(r"Learn from answers .{0,12}SFT.* needs conversations or plain", shown.others)


def test_while_data_is_read_every_way_can_be_chosen(form: RunForm, workplace: Workplace) -> None:
    workplace.model()
    datasets.receive(workplace.studio, ME, "new.jsonl", [b'{"text": "a"}\n'])
    shown = opened(form)
    assert len(shown.offered("method")) == 7
    assert shown.others == ""


def test_other_data_changes_the_way_of_learning_and_another_model_does_not(
    form: RunForm, workplace: Workplace
) -> None:
    workplace.model()
    pairs = ready(workplace.studio, questions(60), "pairs.jsonl", target="preference")
    talk = workplace.data()
    shown = opened(form, dataset=pairs.id)
    chosen = shown.with_(method="orpo")
    again = Filled(form.choose(*chosen))
    assert "value" not in again.updates["method"], "the person's own choice is not taken back"
    assert again.values["learning_rate"] == presets.learning_rate("orpo", "lora", small=True)
    moved = Filled(form.choose_data(*shown.with_(method="orpo", dataset_id=talk.id)))
    assert moved.values["method"] == "sft"
    assert "value" not in moved.updates["dataset_id"]


def test_a_teacher_is_asked_for_only_where_there_is_one_and_the_largest_that_fits_is_proposed(
    form: RunForm, workplace: Workplace
) -> None:
    larger = workplace.model(layers=3)
    student = workplace.model()
    workplace.data()
    shown = opened(form, model=student.id)
    assert "teacher_model_id" in shown.hidden
    filled = Filled(form.choose(*shown.with_(method="distill")))
    assert "teacher_model_id" not in filled.hidden
    assert filled.values["teacher_model_id"] == larger.id
    assert filled.offered("teacher_model_id") == [larger.id]
    assert "million parameters" in filled.updates["teacher_model_id"]["choices"][0][0]


# Settings with an effect.


def test_only_settings_with_an_effect_are_shown(form: RunForm, workplace: Workplace) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    assert {"beta", "final_rank", "custom_template", "double_quantization"} <= shown.hidden
    assert not {"rank", "packing", "response_only"} & shown.hidden
    assert shown.headings["method"]["visible"] is False
    other = judged(form, shown.with_(chat_template="custom", quantization="nf4", packing=False))
    assert not {"custom_template", "double_quantization", "group_by_length"} & other.hidden
    small = judged(form, shown.with_(adapter="ia3"))
    assert {"rank", "alpha", "dropout", "use_dora", "beginning"} <= small.hidden
    assert "target_modules" not in small.hidden


def test_what_is_hidden_is_sent_as_if_nobody_had_touched_it(
    form: RunForm, workplace: Workplace
) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    run_id = form.begin(*shown.with_(adapter="ia3", rank=0, custom_template="{{ broken"))
    spec = runs.get(workplace.studio, ME, run_id).spec
    assert (spec.adapter, spec.rank, spec.custom_template) == ("ia3", 16, None)


def test_the_learning_speed_follows_what_learns_and_a_speed_of_ones_own_stays(
    form: RunForm, workplace: Workplace
) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    usual = shown.values["learning_rate"]
    whole = Filled(form.follow(*shown.with_(adapter="full")))
    assert whole.values["learning_rate"] == pytest.approx(usual / 10)
    rates = {"learning_rate": whole.values["learning_rate"], "adapter": "lora"}
    back = Filled(form.follow(*shown.with_(**rates)))
    assert back.values["learning_rate"] == usual
    own = Filled(form.follow(*shown.with_(adapter="full", learning_rate=0.5, seed=7)))
    assert (own.values["learning_rate"], own.values["seed"]) == (0.5, 7)


def test_new_words_of_the_model_are_kept_by_a_copy(form: RunForm, workplace: Workplace) -> None:
    (workplace.data(), workplace.model())
    run_id = form.begin(*opened(form).with_(extra_tokens=["<dose>", "<drug>"]))
    copied = opened(form, copy=run_id)
    assert copied.values["extra_tokens"] == ["<dose>", "<drug>"]
    assert copied.badge == say("train.changed", n=1, names="New words of the model")


def test_a_name_of_ones_own_outlives_another_preset(form: RunForm, workplace: Workplace) -> None:
    (workplace.data(), workplace.model())
    shown = opened(form)
    own = Filled(form.choose(*shown.with_(name="Mine", preset="quick")))
    assert own.values["name"] == "Mine"
    proposed = Filled(form.choose(*shown.with_(preset="quick")))
    assert proposed.values["name"] == shown.values["name"]


def test_each_setting_of_the_preset_is_explained_and_a_changed_one_no_longer(
    form: RunForm, workplace: Workplace
) -> None:
    workplace.data()
    workplace.model()
    shown = opened(form)
    for title in ("Room to learn", "Readings of your data", "Learning speed", "Longest example"):
        assert f"**{title}" in shown.why
    assert "Examples at once: 1" in shown.why
    changed = judged(form, shown.with_(rank=5))
    assert "**Room to learn" not in changed.why
    assert "**Learning speed" in changed.why


def test_an_address_may_change_a_copy_and_says_so(form: RunForm, workplace: Workplace) -> None:
    workplace.data()
    workplace.model()
    run_id = form.begin(*opened(form).with_(learning_rate=2e-3))
    query = {"copy": run_id, "set": "learning_rate:0.001"}
    assert opened(form, **query).values["learning_rate"] == 1e-3
    asked = SimpleNamespace(query_params=query)
    assert "Learning speed: 0\\.002 → **0\\.001**" in form.tell(asked)  # type: ignore[arg-type]
    assert form.tell(SimpleNamespace(query_params={})) == ""  # type: ignore[arg-type]
