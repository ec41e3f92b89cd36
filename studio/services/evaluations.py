"""Evaluations: many questions to several models, asked for, looked at, searched, taken away."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from storage import evaluations, sampling, work
from storage.errors import Fault, NotFound, Refused, StudioError
from storage.evaluations import Answer, Evaluation, Kind, Line, Wanted
from storage.safety import profiles
from storage.trust_tables import EvaluationRow
from studio.services import chat, forms, names, prompt_sets
from studio.services.studio import Studio

MOST_CONTESTANTS: Final = 4

USUAL: Final = {"temperature": 0.0, "max_tokens": 256, "seed": 1}
"""How answers are drawn where nothing else is asked for: the likeliest words, the same again."""


class _Form(BaseModel):
    """What a person sends; the questions come from a set, or are given as for a set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = ""
    contestants: list[str] = Field(min_length=1, max_length=MOST_CONTESTANTS)
    prompt_set_id: str | None = None
    prompts: list[Any] | None = None
    text: str | None = None
    layout: str = "auto"
    sampling: dict[str, Any] = {}
    system: str = Field("", max_length=20_000)
    profile_id: str | None = None


@dataclass(frozen=True)
class Question:
    """A row of the table.

    Attributes:
        number: of the question, from 0.
        text: what is asked.
        expected: the answer that it should have, where one is known.
        answers: by side; None: not answered yet.
    """

    number: int
    text: str
    expected: str
    answers: list[Answer | None]

    @property
    def differs(self) -> bool:
        """Tell whether two contestants answered with different texts."""
        return len({answer.text for answer in self.answers if answer is not None}) > 1


@dataclass(frozen=True)
class Page:
    """Some questions, and how many there are with that search and filter."""

    questions: list[Question]
    total: int


def ask(studio: Studio, owner: str, values: dict[str, Any]) -> Evaluation:
    """Put questions to up to four models; the worker answers them in the background.

    Raises:
        Refused: with every fault at once, by field.
        NotFound: there is no such set of questions of that owner.
    """
    form = _read(values)
    titles, faults = _titles(studio, owner, form.contestants)
    drawn, wrong = _sampling(form.sampling)
    profile, unknown = _profile(studio, form.profile_id)
    faults += wrong + unknown
    prompts, set_name = _prompts(studio, owner, form, faults)
    wanted = Wanted(
        name=names.tidy(form.name, set_name),
        contestants=form.contestants,
        titles=titles,
        prompts=prompts,
        sampling=drawn,
        system=form.system.strip(),
        profile=profile,
        prompt_set_id=form.prompt_set_id,
    )
    made = evaluations.ask(studio.database, owner, wanted)
    studio.doorbell.ring()
    return made


def listing(
    studio: Studio, owner: str, kind: str | None = None, *, deleted: bool = False
) -> list[Line]:
    """Return a person's evaluations, newest first. Raises Refused for a kind there is not."""
    if kind is not None and kind not in list(Kind):
        raise Refused([Fault("kind", f"Must be one of {', '.join(Kind)}.")])
    chosen = None if kind is None else Kind(kind)
    return evaluations.all_of(studio.database, owner, chosen, deleted=deleted)


def get(studio: Studio, owner: str, evaluation_id: str) -> Evaluation:
    """Return one evaluation. Raises NotFound."""
    return evaluations.get(studio.database, owner, evaluation_id)


def questions(
    studio: Studio,
    owner: str,
    evaluation_id: str,
    span: tuple[int, int] = (0, 50),
    search: str = "",
    *,
    differ: bool = False,
) -> Page:
    """Return rows of the table of answers.

    Args:
        studio: the studio.
        owner: whose.
        evaluation_id: of what.
        span: of the rows that fit, how many are passed over, and how many there are at most.
        search: words of the question or of an answer, whatever their case.
        differ: only questions whose answers differ.

    Raises:
        NotFound: there is no such evaluation of that owner.
    """
    found = get(studio, owner, evaluation_id)
    start, count = span
    words = search.strip().casefold()
    if not words and not differ:
        numbers = range(start, min(start + count, found.questions))
        return Page(_rows(studio, found, numbers), found.questions)
    rows = _rows(studio, found, range(found.questions))
    fitting = [row for row in rows if (not differ or row.differs) and _holds(row, words)]
    return Page(fitting[start : start + count], len(fitting))


def again(studio: Studio, owner: str, evaluation_id: str) -> Evaluation:
    """Let a failed one go on with what is missing. Raises NotFound; StudioError: has not failed."""
    work.retry(studio.database, EvaluationRow, evaluation_id, owner)
    studio.doorbell.ring()
    return get(studio, owner, evaluation_id)


def delete(studio: Studio, owner: str, evaluation_id: str) -> None:
    """Delete an evaluation from view; one under way stops. Raises NotFound."""
    evaluations.delete(studio.database, owner, evaluation_id)


def restore(studio: Studio, owner: str, evaluation_id: str) -> Evaluation:
    """Bring a deleted evaluation back; one that was not ready goes on. Raises NotFound."""
    evaluations.restore(studio.database, owner, evaluation_id)
    studio.doorbell.ring()
    return get(studio, owner, evaluation_id)


def _read(values: dict[str, Any]) -> _Form:
    try:
        return forms.read(_Form.model_validate, values, "form")
    except Refused as error:
        raise Refused([_named(each) for each in error.faults]) from error


def _named(fault: Fault) -> Fault:
    field = fault.field.removeprefix("form.")
    return Fault(field, "Choose one to four models." if field == "contestants" else fault.message)


def _titles(studio: Studio, owner: str, wanted: list[str]) -> tuple[list[str], list[Fault]]:
    known = {one.name: one.title for one in chat.own(studio, owner)}
    faults = [
        Fault("contestants", f'There is no model called "{name[:80]}" to ask; choose another.')
        for name in wanted
        if name not in known
    ]
    if len(set(wanted)) < len(wanted):
        faults.append(Fault("contestants", "Choose each model once."))
    return [known.get(name, name) for name in wanted], faults


def _sampling(given: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    try:
        return USUAL | sampling.parse(given), []
    except Refused as error:
        return {}, error.faults


def _profile(studio: Studio, profile_id: str | None) -> tuple[dict[str, Any] | None, list[Fault]]:
    if not profile_id:
        return None, []
    try:
        found = profiles.get(studio.settings.home, profile_id)
    except StudioError as error:
        return None, [Fault("profile_id", str(error))]
    return {"id": profile_id, "profile": found.model_dump(mode="json")}, []


def _prompts(
    studio: Studio, owner: str, form: _Form, faults: list[Fault]
) -> tuple[list[dict[str, Any]], str]:
    """Return the questions and what they are called. Raises Refused with all faults there are."""
    if form.prompt_set_id is not None:
        if form.prompts is not None or form.text is not None:
            faults.append(Fault("prompts", "Give a set, or questions, not both."))
        try:
            kept = prompt_sets.get(studio, owner, form.prompt_set_id)
        except NotFound as error:
            faults.append(Fault("prompt_set_id", f"{error.message} Choose another."))
        if faults:
            raise Refused(faults)
        return kept.prompts, kept.name
    try:
        given = {"prompts": form.prompts, "text": form.text, "layout": form.layout}
        reading = prompt_sets.given(given)
    except Refused as error:
        raise Refused([*faults, *error.faults]) from error
    if faults:
        raise Refused(faults)
    return reading.prompts, "Questions"


def _rows(studio: Studio, found: Evaluation, numbers: range) -> list[Question]:
    there = evaluations.answers(studio.database, found.id, numbers)
    given = {(answer.number, answer.side): answer for answer in there}
    sides = range(len(found.contestants))
    return [
        Question(
            number,
            found.prompts[number]["text"],
            found.prompts[number].get("expected", ""),
            [given.get((number, side)) for side in sides],
        )
        for number in numbers
    ]


def _holds(row: Question, words: str) -> bool:
    texts = [row.text, row.expected, *(answer.text for answer in row.answers if answer)]
    return any(words in text.casefold() for text in texts)
