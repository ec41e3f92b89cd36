"""The form of a run, drawn from `RunSpec`: presets fill it in, each change updates the plan."""

from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component

from storage import specs
from storage.datasets import Dataset
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.components import door, fields, plan_card
from studio.services import base_models, datasets, runs
from studio.services.studio import Studio
from studio.words import say

NAMES = tuple(RunSpec.model_fields)
TUNED = tuple(name for name in NAMES if name not in specs.names_in("basics"))
"""The settings that a preset fills in."""

CHOSEN = ("preset", *fields.PICKED)
"""What the rest of the form follows."""

DEFAULTS = {name: specs.field(name).default for name in (*TUNED, "preset")}
"""What the form shows while there is nothing to train with yet."""

Update = dict[str, Any]


class RunForm:
    """The widgets of a run's settings, and what their events do."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.widgets: dict[str, Component] = {}
        self._lay()

    @property
    def inputs(self) -> list[Component]:
        """The widgets in the order of the settings."""
        return [self.widgets[name] for name in NAMES]

    def connect(self, page: gr.Blocks) -> None:
        """Connect the widgets' events; call once, inside the page."""
        shown = [self.card, self.badge, self.start, self.seen]
        filled = [*self.inputs, *shown]
        page.load(self.open, None, filled, show_progress="hidden")
        gr.on(
            [self.widgets[name].input for name in CHOSEN], self.choose, self.inputs, filled,
            show_progress="hidden", trigger_mode="always_last",
        )  # fmt: skip
        self.reset.click(self.fill, self.inputs, filled, show_progress="hidden")
        changes = [self.widgets[name].input for name in (*TUNED, "name")]
        gr.on(
            changes, self.judge, self.inputs, shown,
            show_progress="hidden", trigger_mode="always_last",
        )  # fmt: skip
        self.start.click(self.begin, self.inputs, self.started)

    # What the events do.

    @door.answered()
    def open(self, request: gr.Request) -> list[Any]:
        """Fill the form for this address: a run to `copy`, or a `dataset` and a `model`."""
        asked = dict(request.query_params)
        try:
            if "copy" in asked:
                return self._show(runs.duplicate(self.studio, LOCAL_PERSON, asked["copy"]))
        except NotFound as error:
            gr.Warning(str(error))
        values = {**DEFAULTS, **self._first(asked.get("dataset"), asked.get("model"))}
        return self.fill(*[values.get(name) for name in NAMES])

    @door.answered()
    def fill(self, *values: Any) -> list[Any]:
        """Fill in the preset's settings for the data and the model chosen."""
        given = dict(zip(NAMES, values, strict=True))
        if not given["dataset_id"] or not given["base_model_id"]:
            return [*self._lists(given), *self._judged(given)]
        chosen = [str(given[name]) for name in ("preset", *fields.PICKED)]
        try:
            return self._show(runs.preset(self.studio, LOCAL_PERSON, *chosen))
        except NotFound:  # deleted on another page: the card names it
            return [*self._lists(given), *self._judged(given)]

    @door.answered()
    def choose(self, *values: Any) -> list[Any]:
        """Fill in the rest; a slow answer must not take back what was chosen meanwhile."""
        filled = self.fill(*values)
        for name in CHOSEN:
            filled[NAMES.index(name)] = gr.skip()
        return filled

    @door.answered()
    def judge(self, *values: Any) -> list[Any]:
        """Say what would happen with these settings."""
        return self._judged(dict(zip(NAMES, values, strict=True)))

    @door.answered()
    def begin(self, *values: Any) -> str:
        """Start the run; returns its id, or nothing where it was refused."""
        try:
            given = dict(zip(NAMES, values, strict=True))
            return runs.start(self.studio, LOCAL_PERSON, given).id
        except Refused as error:
            found = [f"{plan_card.titled(fault.field)}: {fault.message}" for fault in error.faults]
            gr.Warning(" ".join(found))
        except StudioError as error:
            gr.Warning(str(error))
        return ""

    # How it is drawn.

    def _lay(self) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=3):
                self._group("basics")
                self.seen = gr.Markdown(elem_id="chosen-data")
                with gr.Accordion(say("train.advanced"), open=False, elem_id="advanced"):
                    with gr.Row():
                        self.badge = gr.Markdown(say("train.unchanged"))
                        self.reset = gr.Button(say("train.reset"), size="sm")
                    for group in specs.GROUPS[1:]:
                        gr.Markdown(f"#### {say(f'train.group.{group}')}")
                        self._group(group)
            with gr.Column(scale=2, elem_classes=["plan-column"]):
                self.card = gr.Markdown(elem_id="plan")
                self.start = gr.Button(say("train.start"), variant="primary", elem_id="start")
                # Text that appears here leads to the run's page (static/js/main.js): Gradio's own
                # way to run a script on an event needs a policy that lets strings be evaluated.
                self.started = gr.Markdown(elem_id="started-run", elem_classes=["ts-hidden"])

    def _group(self, group: str) -> None:
        names = specs.names_in(group)
        columns = 1 if group == "basics" else 2
        for first in range(0, len(names), columns):
            with gr.Row():
                for name in names[first : first + columns]:
                    self.widgets[name] = fields.draw(name)

    # What the widgets show.

    def _show(self, spec: RunSpec) -> list[Any]:
        values = spec.model_dump(mode="json")
        return [*self._lists(values), *self._judged(values)]

    def _lists(self, values: Update) -> list[Any]:
        """Return an update of every widget: its value, and the lists to choose from."""
        choices = {
            "dataset_id": self._datasets(),
            "base_model_id": self._models(),
            "target_modules": self._modules(values.get("base_model_id")),
        }
        return [
            gr.update(value=values.get(name), choices=choices[name])
            if name in choices
            else (gr.update(value=values[name]) if name in values else gr.skip())
            for name in NAMES
        ]

    def _judged(self, values: Update) -> list[Any]:
        """Return the plan card, the badge of changes, whether Start can be pressed, the data."""
        planned = runs.plan(self.studio, LOCAL_PERSON, _given(values))
        changed = self._changed(values)
        badge = say("train.changed", n=changed) if changed else say("train.unchanged")
        start = gr.update(interactive=not planned.faults)
        return [plan_card.markdown(planned), badge, start, self._data(values)]

    def _data(self, values: Update) -> str:
        """Return what is known of the chosen data: its own exam, and where to see its tokens."""
        there = datasets.listing(self.studio, LOCAL_PERSON)
        chosen = [data for data in there if data.id == values.get("dataset_id")]
        if not chosen or chosen[0].status is not WorkStatus.READY:
            return ""
        asked = {"dataset": chosen[0].id, "view": "learned", "model": values.get("base_model_id")}
        link = f"[{say('train.see')}](/data?{urlencode(asked)})"
        held_out = chosen[0].rows_held_out
        return f"{say('train.held_out', n=f'{held_out:,}')} {link}" if held_out else link

    def _changed(self, values: Update) -> int:
        if not values.get("dataset_id") or not values.get("base_model_id"):
            return 0
        chosen = [str(values[name]) for name in ("preset", *fields.PICKED)]
        try:
            usual = runs.preset(self.studio, LOCAL_PERSON, *chosen).model_dump(mode="json")
        except NotFound:  # deleted on another page: the card names it
            return 0
        return sum(values.get(name) != usual[name] for name in TUNED)

    def _first(self, dataset_id: str | None, base_model_id: str | None) -> Update:
        """Return what to choose first: what the address asks for, else the newest."""
        data = [value for _, value in self._datasets()]
        models = [value for _, value in self._models()]
        return {
            "name": "",
            "dataset_id": dataset_id if dataset_id in data else next(iter(data), None),
            "base_model_id": base_model_id if base_model_id in models else next(iter(models), None),
        }

    def _datasets(self) -> list[tuple[str, str]]:
        found = datasets.listing(self.studio, LOCAL_PERSON)
        return [(_titled(data), data.id) for data in found if data.status is not WorkStatus.FAILED]

    def _models(self) -> list[tuple[str, str]]:
        found = base_models.listing(self.studio, LOCAL_PERSON)
        return [(model.name, model.id) for model in found if model.status is not WorkStatus.FAILED]

    def _modules(self, base_model_id: str | None) -> list[str]:
        if not base_model_id:
            return []
        there = base_models.listing(self.studio, LOCAL_PERSON)
        found = [base_models.facts(model) for model in there if model.id == base_model_id]
        return [name for facts in found if facts for name in facts.linear_modules]


def _titled(data: Dataset) -> str:
    if data.status is not WorkStatus.READY:
        return say("train.data_soon", name=data.name)
    return say("train.data", name=data.name, n=f"{data.rows_good:,}")


def _given(values: Update) -> Update:
    """Return the settings without the lists that nobody has chosen from, so that each is named."""
    return {
        name: value
        for name, value in values.items()
        if not (value is None and name in fields.PICKED)
    }
