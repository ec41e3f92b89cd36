"""The safety check: planned, asked for, and looked at question by question."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from storage import base_models, evaluations, safety_prompts
from storage.contestants import Contestant
from storage.errors import Fault, NotFound, Refused, StudioError
from storage.evaluations import Answer, Evaluation, Kind, Line, Wanted
from storage.safety import profiles
from storage.status import WorkStatus
from studio.advice import writing_pace
from studio.advice.machine import machine
from studio.services import chat, forms
from studio.services.studio import Studio
from studio.words import say

LONGEST: Final = 120
"""Tokens of an answer at most, where nothing else is asked for: enough to say whom to turn to."""

_UNDER_WAY = (WorkStatus.WAITING, WorkStatus.WORKING)


class _Form(BaseModel):
    """What a person sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    contestant: str
    profile_id: str | None = None
    longest: int = Field(LONGEST, ge=8, le=1024)


@dataclass(frozen=True)
class Plan:
    """What a check would do.

    Attributes:
        contestants: names, the base model first.
        titles: what a person calls them.
        questions: put to each of them.
        harmless: of these, those that deserve an answer.
        seconds: how long it takes about; None where that is not known for this machine or model.
    """

    contestants: list[str]
    titles: list[str]
    questions: int
    harmless: int
    seconds: float | None


@dataclass(frozen=True)
class Case:
    """A question of a check, and what became of the answer of one side.

    Attributes:
        number: of the question, from 0.
        category: see `storage.safety_prompts`.
        text: what was asked.
        expect: what an answer should do.
        why: in a sentence.
        answer: what the model wrote.
        ended: how the answer ended.
        shown: what the profile let through, where that is not the answer as it is.
        outcome: passed, missed, false_alarm or not_asked.
        reason: in words.
        phrase: the words of the answer that decided.
    """

    number: int
    category: str
    text: str
    expect: str
    why: str
    answer: str
    ended: str
    shown: str | None
    outcome: str
    reason: str
    phrase: str


def plan(studio: Studio, owner: str, contestant: str, longest: int = LONGEST) -> Plan:
    """Say what a check of a contestant would do, and how long it takes about.

    Raises:
        Refused: there is no such contestant that talks.
    """
    sides = _sides(studio, owner, contestant)
    prompts = safety_prompts.all_of()
    harmless = sum(prompt["category"] in safety_prompts.HARMLESS for prompt in prompts)
    base = base_models.get(studio.database, owner, sides[0].base_id)
    each = writing_pace.seconds(
        len(prompts), longest, (base.facts or {}).get("parameters"), machine()
    )
    seconds = None if each is None else each * len(sides)
    titles = [side.title for side in sides]
    return Plan([side.name for side in sides], titles, len(prompts), harmless, seconds)


def ask(studio: Studio, owner: str, values: dict[str, Any]) -> Evaluation:
    """Put the questions to a contestant and to its base model, in the background.

    Where the same check is under way already, that one is returned.

    Raises:
        Refused: by field: no such contestant or profile, or a wrong length.
    """
    form = _read(values)
    sides = _sides(studio, owner, form.contestant)
    profile = _profile(studio, form.profile_id)
    names, titles = [side.name for side in sides], [side.title for side in sides]
    sampling = {"temperature": 0.0, "max_tokens": form.longest, "seed": 1}
    for line in listing(studio, owner, form.contestant):
        is_same = (line.contestants, line.sampling, line.profile) == (names, sampling, profile)
        if is_same and line.status in _UNDER_WAY:
            return get(studio, owner, line.id)
    system = profiles.get(studio.settings.home, form.profile_id) if form.profile_id else None
    wanted = Wanted(
        name=say("check.named", name=titles[-1]),
        contestants=names,
        titles=titles,
        prompts=[dict(prompt) for prompt in safety_prompts.all_of()],
        sampling=sampling,
        kind=Kind.SAFETY,
        system=system.instructions() if system else "",
        profile=profile,
    )
    made = evaluations.ask(studio.database, owner, wanted)
    studio.doorbell.ring()
    return made


def listing(studio: Studio, owner: str, contestant: str | None = None) -> list[Line]:
    """Return a person's checks, newest first; only those of a contestant, where one is named."""
    found = evaluations.all_of(studio.database, owner, Kind.SAFETY)
    return [line for line in found if contestant in (None, line.contestants[-1])]


def get(studio: Studio, owner: str, check_id: str) -> Evaluation:
    """Return one check. Raises NotFound."""
    found = evaluations.get(studio.database, owner, check_id)
    if found.kind is not Kind.SAFETY:
        raise NotFound(f"There is no safety check with the id {check_id}.")
    return found


def cases(
    studio: Studio, owner: str, check_id: str, side: int, *, guarded: bool = False
) -> list[Case]:
    """Return what became of every question, as one side answered it.

    Args:
        studio: the studio.
        owner: whose.
        check_id: of what.
        side: the contestant's place, from 0.
        guarded: as the profile let the answers through, instead of as they were written.

    Raises:
        NotFound: there is no such check, side or profile in it.
        StudioError: it is not ready.
    """
    found = get(studio, owner, check_id)
    if found.result is None:
        raise StudioError("This safety check is not ready yet.", "Wait until it is.")
    scores = found.result["scores"]
    lens = "guarded" if guarded else "raw"
    if not 0 <= side < len(scores) or lens not in scores[side]:
        raise NotFound("This safety check has no such answers.")
    given = evaluations.answers(studio.database, check_id)
    answers = {answer.number: answer for answer in given if answer.side == side}
    verdicts = (scores[side][lens] or {"verdicts": []})["verdicts"]
    return [_case(found.prompts[one["number"]], answers[one["number"]], one) for one in verdicts]


def _case(prompt: dict[str, Any], answer: Answer, verdict: dict[str, Any]) -> Case:
    reason = verdict["reason"]
    return Case(
        **{name: prompt[name] for name in ("category", "text", "expect", "why")},
        answer=answer.text,
        ended=answer.ended,
        number=answer.number,
        shown=verdict.get("shown"),
        outcome=verdict["outcome"],
        reason=say(f"check.reason.{reason}"),
        phrase=verdict["phrase"],
    )


def _read(values: dict[str, Any]) -> _Form:
    try:
        return forms.read(_Form.model_validate, values, "form")
    except Refused as error:
        faults = [Fault(each.field.removeprefix("form."), each.message) for each in error.faults]
        raise Refused(faults) from error


def _sides(studio: Studio, owner: str, contestant: str) -> list[Contestant]:
    """Return the base model and the contestant; the base model alone where it is meant."""
    known = {one.name: one for one in chat.own(studio, owner)}
    found = known.get(contestant)
    if found is None:
        raise Refused([Fault("contestant", say("check.no_such_model", name=contestant[:80]))])
    base = known.get(f"base:{found.base_id}")
    return [found] if base in (None, found) else [base, found]


def _profile(studio: Studio, profile_id: str | None) -> dict[str, Any] | None:
    if not profile_id:
        return None
    try:
        found = profiles.get(studio.settings.home, profile_id)
    except StudioError as error:
        raise Refused([Fault("profile_id", error.message)]) from error
    return {"id": profile_id, "profile": found.model_dump(mode="json")}
