"""The form of a run, drawn from `RunSpec`: presets fill it in, each change updates the plan."""

from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr
from gradio.components import Component

from storage import specs
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON
from storage.specs import RunSpec
from studio.components import asked as address
from studio.components import door, fields, form_lists, plan_card
from studio.components.form_lists import Lists
from studio.components.form_values import (
    CONDITIONAL,
    DEFAULTS,
    FOLLOWED,
    NAMES,
    TUNED,
    changed,
    followed,
    keeping,
    sent,
)
from studio.components.memory_part import MemoryPart
from studio.components.own_presets import OwnPresets
from studio.components.own_questions import OwnQuestions
from studio.components.variations import Variations
from studio.services import plans, runs, saved_states
from studio.services.plans import Places
from studio.services.studio import Studio
from studio.words import say

CHOSEN = ("preset", *fields.PICKED, "method")
"""What the rest of the form follows."""

FIRST = ("name", *fields.PICKED, "method", "teacher_model_id", "preset", *fields.LINES)
"""The first questions, in their order; all others stand under Advanced."""

Update = dict[str, Any]


class RunForm:
    """The widgets of a run's settings, and what their events do."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.lists = Lists(studio)
        self.widgets: dict[str, Component] = {}
        self.headings: dict[str, Component] = {}
        self._lay()

    @property
    def inputs(self) -> list[Component]:
        """The widgets in the order of the settings."""
        return [self.widgets[name] for name in NAMES]

    @property
    def shown(self) -> list[Component]:
        """What is said about the settings: plan, badge, Start, data, other ways, why, headings."""
        return [
            self.card,
            self.badge,
            self.start,
            self.seen,
            self.others,
            self.why,
            *self.memory.widgets,
            *self.headings.values(),
        ]

    def connect(self, page: gr.Blocks) -> None:
        """Connect the widgets' events; call once, inside the page."""
        filled = [*self.inputs, *self.shown]
        judged = [*(self.widgets[name] for name in CONDITIONAL), *self.shown]
        followed_too = (*FOLLOWED, "start_from")
        others = tuple(name for name in (*TUNED, "name") if name not in followed_too)
        page.load(self.open, None, filled, show_progress="hidden")
        page.load(self.tell, None, self.told, show_progress="hidden")
        self._on(("dataset_id",), self.choose_data, filled)
        self._on(("preset", "base_model_id", "method"), self.choose, filled)
        self._on(("adapter",), self.follow, filled)
        self._on(("start_from",), self.go_on, filled)
        self._on(others, self.judge, judged, self.memory.clock.tick)
        self.reset.click(self.fill, self.inputs, filled, show_progress="hidden")
        self.start.click(self.begin, self.inputs, self.started)
        self.memory.connect(self.inputs, filled, self._show)
        self.questions.connect(self.widgets)
        self.variations.connect(self.inputs)
        self.own.connect(page, self.inputs, filled, self._show)

    def _on(
        self, names: Iterable[str], do: Callable[..., list[Any]], outputs: list[Component],
        *others: Any,
    ) -> None:  # fmt: skip
        """Do something when a person changes one of these settings; the last change counts."""
        changes = [event for name in names for event in _changes(name, self.widgets[name])]
        gr.on(
            [*changes, *others],
            do, self.inputs, outputs,
            show_progress="hidden", trigger_mode="always_last",
        )  # fmt: skip

    # What the events do.

    @door.answered()
    def open(self, request: gr.Request) -> list[Any]:
        """Fill the form for this address: a run to `copy` and `set`, or a `dataset`, a `model`."""
        asked = dict(request.query_params)
        try:
            if "copy" in asked:
                copied = self._copied(asked["copy"], asked.get("start"))
                copied = address.changed(copied, asked.get("set"))
                return self._show(copied.model_dump(mode="json"))
        except NotFound as error:
            gr.Warning(str(error))
        values = {**DEFAULTS, "name": "", "method": None}
        values |= self.lists.first(asked.get("dataset"), asked.get("model"))
        return self.fill(*[values.get(name) for name in NAMES])

    def tell(self, request: gr.Request) -> str:
        """Say which settings of a copied run the address has changed."""
        asked = dict(request.query_params)
        try:
            copied = runs.duplicate(self.studio, LOCAL_PERSON, asked.get("copy", ""))
        except NotFound:
            return ""
        return address.told(copied, address.changed(copied, asked.get("set")))

    @door.answered()
    def fill(self, *values: Any) -> list[Any]:
        """Fill in the preset's settings for the data, the model and the way of learning."""
        given = dict(zip(NAMES, values, strict=True))
        usual = self._usual({**given, "adapter": DEFAULTS["adapter"]})
        if usual is None:  # not chosen yet, or deleted on another page: the card names it
            return self._show({**given, "method": given["method"] or DEFAULTS["method"]})
        plans.count_tokens(self.studio, LOCAL_PERSON, _places(usual))
        kept = {name: given[name] for name in fields.LINES}  # the person's own words
        named = self.lists.named(given["name"], usual["name"])
        return self._show({**usual, **kept, "name": named})

    @door.answered()
    def choose(self, *values: Any) -> list[Any]:
        """Fill in the rest; a slow answer must not take back what was chosen meanwhile."""
        return keeping(CHOSEN, self.fill(*values))

    @door.answered()
    def choose_data(self, *values: Any) -> list[Any]:
        """The same for other data: the way of learning that suits it is chosen too."""
        given = dict(zip(NAMES, values, strict=True))
        filled = self.fill(*[{**given, "method": None}[name] for name in NAMES])
        return keeping(CHOSEN[:-1], filled)

    @door.answered()
    def follow(self, *values: Any) -> list[Any]:
        """Let the settings that a preset gave follow what learns; the person's own ones stay."""
        given = dict(zip(NAMES, values, strict=True))
        here = self._usual(given)
        if here is not None:
            kinds = [{**given, "adapter": kind} for _, kind in fields.options("adapter")]
            given = followed(given, here, [self._usual(kind) or {} for kind in kinds])
        return keeping((*CHOSEN, "adapter"), self._show(given))

    @door.answered()
    def go_on(self, *values: Any) -> list[Any]:
        """Let the settings follow what the run goes on from: what was learned keeps its shape."""
        given = dict(zip(NAMES, values, strict=True))
        given |= self.lists.begun(given["start_from"])
        return keeping((*CHOSEN, "start_from"), self._show(given))

    @door.answered()
    def judge(self, *values: Any) -> list[Any]:
        """Say what would happen with these settings, and show those that have an effect."""
        given = dict(zip(NAMES, values, strict=True))
        visible = [gr.update(visible=specs.applies(name, given)) for name in CONDITIONAL]
        return [*visible, *self._judged(given)]

    @door.answered()
    def begin(self, *values: Any) -> str:
        """Start the run; returns its id, or nothing where it was refused."""
        try:
            given = sent(dict(zip(NAMES, values, strict=True)))
            return runs.start(self.studio, LOCAL_PERSON, given, moments=runs.CLICKS).id
        except Refused as error:
            found = [f"{plan_card.titled(fault.field)}: {fault.message}" for fault in error.faults]
            gr.Warning(" ".join(found))
        except StudioError as error:
            gr.Warning(str(error))
        return ""

    def _copied(self, run_id: str, start: str | None) -> RunSpec:
        """Return a run's settings, with which it goes on from a start where one is named."""
        if start is None:
            return runs.duplicate(self.studio, LOCAL_PERSON, run_id)
        return saved_states.branch(self.studio, LOCAL_PERSON, run_id, start)

    # How it is drawn.

    def _lay(self) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=3):
                self.told = gr.Markdown(elem_id="asked-changes")
                for name in FIRST:
                    self.widgets[name] = fields.draw(name)
                self.questions = OwnQuestions(self.studio)
                self.own = OwnPresets(self.studio)
                self.others = gr.Markdown(elem_id="other-methods", elem_classes=["help"])
                self.seen = gr.Markdown(elem_id="chosen-data")
                with gr.Accordion(say("train.advanced"), open=False, elem_id="advanced"):
                    with gr.Row():
                        self.badge = gr.Markdown(say("train.unchanged"), elem_id="changed")
                        self.reset = gr.Button(say("train.reset"), size="sm")
                    for group in specs.GROUPS[1:]:
                        self._group(group)
            with gr.Column(scale=2, elem_classes=["plan-column"]):
                self.card = gr.Markdown(say("train.working"), elem_id="plan")
                self.memory = MemoryPart(self.studio)
                self.start = gr.Button(say("train.start"), variant="primary", elem_id="start")
                with gr.Accordion(say("train.why"), open=False, elem_id="why"):
                    self.why = gr.Markdown(elem_id="reasons")
                self.variations = Variations()
                # Text that appears here leads to the run's page (static/js/main.js): Gradio's own
                # way to run a script on an event needs a policy that lets strings be evaluated.
                self.started = gr.Markdown(elem_id="started-run", elem_classes=["ts-hidden"])

    def _group(self, group: str) -> None:
        self.headings[group] = gr.Markdown(f"#### {say(f'train.group.{group}')}")
        with gr.Row(elem_classes=["settings"]):
            for name in _under_advanced(group):
                self.widgets[name] = fields.draw(name)

    # What the widgets show.

    def _show(self, values: Update) -> list[Any]:
        """Return an update of every widget, and what is said about the settings."""
        choices = self.lists.choices(values)
        updates = []
        for name in NAMES:
            update = {"visible": specs.applies(name, values)} if name in CONDITIONAL else {}
            update |= {"choices": choices[name]} if name in choices else {}
            update |= {"value": fields.shown(name, values[name])} if name in values else {}
            updates.append(gr.update(**update))
        return [*updates, *self._judged(values)]

    def _judged(self, values: Update) -> list[Any]:
        """Return the plan card, the badge of changes, whether Start can be pressed, and so on."""
        planned = plans.plan(self.studio, LOCAL_PERSON, sent(values))
        return [
            plan_card.markdown(planned),
            self._badge(values),
            gr.update(interactive=not planned.faults),
            self.lists.about(values),
            form_lists.others(self.lists.target(values)),
            plan_card.reasons(planned),
            *self.memory.updates(values, planned),
            *(gr.update(visible=_has_any(group, values)) for group in self.headings),
        ]

    def _badge(self, values: Update) -> str:
        usual = self._usual(values)
        differ = changed(values, usual) if usual else []
        if not differ:
            return say("train.unchanged")
        names = ", ".join(plan_card.plain(plan_card.titled(name)) for name in differ)
        return say("train.changed", n=len(differ), names=names)

    def _usual(self, values: Update) -> Update | None:
        """Return what the preset gives; None while nothing is chosen, or it has been deleted."""
        if not values.get("dataset_id") or not values.get("base_model_id"):
            return None
        chosen = (
            str(values["preset"]),
            _places(values),
            values.get("method"),
            str(values["adapter"]),
        )
        try:
            return plans.preset(self.studio, LOCAL_PERSON, *chosen).model_dump(mode="json")
        except NotFound:
            return None


def _changes(name: str, widget: Any) -> list[Any]:
    """Return the events of a person's change; words that are typed are there once they are left."""
    return [widget.input, widget.blur] if name in fields.TYPED else [widget.input]


def _places(values: Update) -> Places:
    return Places(str(values["dataset_id"]), str(values["base_model_id"]))


def _under_advanced(group: str) -> list[str]:
    return [name for name in specs.names_in(group) if name not in FIRST]


def _has_any(group: str, values: Update) -> bool:
    return any(specs.applies(name, values) for name in _under_advanced(group))
