"""What the form of a run offers to choose from: data, models, teachers, parts, ways of learning."""

from typing import Any
from urllib.parse import urlencode

from storage import combinations
from storage.base_models import Base
from storage.datasets import Dataset
from storage.errors import NotFound
from storage.ids import LOCAL_PERSON
from storage.mappings import Target
from storage.status import WorkStatus
from studio.components import fields, plan_card
from studio.services import base_models, datasets, saved_states
from studio.services.studio import Studio
from studio.words import say

Choices = list[tuple[str, str]]
Values = dict[str, Any]


class Lists:
    """The lists of the form, read anew each time: other pages add and delete."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def choices(self, values: Values) -> dict[str, Any]:
        """Return what can be chosen beside these values, by the name of the setting."""
        return {
            "dataset_id": [(_titled(data), data.id) for data in self._data()],
            "base_model_id": [(model.name, model.id) for model in self._models()],
            "teacher_model_id": self._teachers(values.get("base_model_id")),
            "start_from": self._starts(values),
            "target_modules": self._modules(values),
            "method": _methods(self.target(values), values.get("method")),
        }

    def first(self, dataset_id: str | None, base_model_id: str | None) -> Values:
        """Return what to choose first: what the address asks for, else the newest."""
        data = [one.id for one in self._data()]
        models = [one.id for one in self._models()]
        return {
            "dataset_id": dataset_id if dataset_id in data else next(iter(data), None),
            "base_model_id": base_model_id if base_model_id in models else next(iter(models), None),
        }

    def named(self, name: str | None, proposed: str) -> str:
        """Return a run's name: the person's own, else what is proposed for data and model."""
        proposals = {f"{d.name} on {m.name}"[:120] for d in self._data() for m in self._models()}
        return proposed if not name or name in proposals else name

    def target(self, values: Values) -> str | None:
        """Return what the rows of the chosen data are; None while that is not known."""
        return next(
            (one.target for one in self._data() if one.id == values.get("dataset_id")), None
        )

    def about(self, values: Values) -> str:
        """Return what is known of the chosen data: its own exam, and where to see its tokens.

        And where to find a teacher, where one is wanted and there is none.
        """
        if values.get("method") == "distill" and not self._teachers(values.get("base_model_id")):
            return f"{say('train.no_teacher')} [{say('models.add')}](/models)"
        chosen = [data for data in self._data() if data.id == values.get("dataset_id")]
        if not chosen or chosen[0].status is not WorkStatus.READY:
            return ""
        if chosen[0].target not in (Target.CHAT, Target.TEXT):
            return ""
        asked = {"dataset": chosen[0].id, "view": "learned", "model": values.get("base_model_id")}
        link = f"[{say('train.see')}](/data?{urlencode(asked)})"
        held_out = chosen[0].rows_held_out
        return f"{say('train.held_out', n=f'{held_out:,}')} {link}" if held_out else link

    def _data(self) -> list[Dataset]:
        found = datasets.listing(self.studio, LOCAL_PERSON)
        return [data for data in found if data.status is not WorkStatus.FAILED]

    def _models(self) -> list[Base]:
        found = base_models.listing(self.studio, LOCAL_PERSON)
        return [model for model in found if model.status is not WorkStatus.FAILED]

    def _teachers(self, student: str | None) -> Choices:
        return [(_sized(model), model.id) for model in self._models() if model.id != student]

    def _starts(self, values: Values) -> Choices:
        """Return what a run on the chosen model can go on from, and first of all nothing."""
        base = values.get("base_model_id")
        found = saved_states.starts_of(self.studio, LOCAL_PERSON, base) if base else []
        return [(say("train.anew"), ""), *((one.title, one.name) for one in found)]

    def begun(self, name: str | None) -> Values:
        """Return the settings that follow from what a run goes on from; none where it is gone."""
        if not name:
            return {}
        try:
            start = saved_states.start(self.studio, LOCAL_PERSON, name)
        except NotFound:
            return {}  # deleted on another page: the card names it
        return {**start.settings, "target_modules": ()}

    def _modules(self, values: Values) -> list[str]:
        """Return the parts of the chosen model, and those chosen already: the card judges them."""
        there = [one for one in self._models() if one.id == values.get("base_model_id")]
        found = [base_models.facts(model) for model in there]
        names = [name for facts in found if facts for name in facts.linear_modules]
        return [*names, *(one for one in values.get("target_modules") or () if one not in names)]


def others(target: str | None) -> str:
    """Return which other ways of learning there are, and what data each needs."""
    refused = [
        (words, method)
        for words, method in fields.options("method")
        if combinations.data_fault(method, target)
    ]
    if not refused or target is None:
        return ""
    lines = [
        f"- **{plan_card.plain(words.splitlines()[0])}** {say('train.needs', data=_needed(method))}"
        for words, method in refused
    ]
    return "\n".join([say("train.others", data=say(f"train.holds.{target}")), "", *lines])


def _needed(method: str) -> str:
    wanted = [say(f"train.holds.{target}") for target in combinations.LEARNS_FROM[method]]
    return say("train.or", one=wanted[0], other=wanted[1]) if len(wanted) > 1 else wanted[0]


def _methods(target: str | None, chosen: str | None) -> Choices:
    """Return the ways of learning that fit the data, and the chosen one: the card says why not."""
    return [
        (words, method)
        for words, method in fields.options("method")
        if method == chosen or not combinations.data_fault(method, target)
    ]


def _titled(data: Dataset) -> str:
    if data.status is not WorkStatus.READY:
        return say("train.data_soon", name=data.name)
    return say("train.data", name=data.name, n=f"{data.rows_good:,}")


def _sized(model: Base) -> str:
    facts = base_models.facts(model)
    if facts is None:
        return model.name
    return say("train.teacher", name=model.name, n=f"{facts.parameters / 1e6:,.1f}")
