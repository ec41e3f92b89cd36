"""What makes a new version of a dataset out of others: every operation with its settings."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from storage.mappings import Mapping


class _Operation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _OfOne(_Operation):
    dataset_id: str

    @property
    def parents(self) -> tuple[str, ...]:
        """The datasets it is made of."""
        return (self.dataset_id,)


class Split(_OfOne):
    """Mark the rows kept for the exam; near duplicates stay on one side.

    by share: `share` of the rows (0 to 1), chosen by their content and `seed`.
    by file: the rows of `other_id` become the exam; rows of the dataset that equal or nearly equal
    one of them leave the training side.
    (A split by a column is a `Mapping` of the original file; see `Reread`.)
    """

    kind: Literal["split"] = "split"
    by: Literal["share", "file"] = "share"
    share: float = Field(0.1, gt=0, lt=1)
    seed: int = Field(1, ge=0, le=2**31)
    other_id: str | None = None

    @model_validator(mode="after")
    def _has_the_file(self) -> "Split":
        if (self.by == "file") != (self.other_id is not None):
            raise ValueError("other_id is needed to split by a second file, and only there")
        return self

    @property
    def parents(self) -> tuple[str, ...]:
        """The dataset, and the one that becomes its exam."""
        return (self.dataset_id, *((self.other_id,) if self.other_id else ()))


class Reread(_OfOne):
    """Read the person's file again with another mapping, for example to split by a column."""

    kind: Literal["reread"] = "reread"
    mapping: Mapping


class Filter(_OfOne):
    """Keep the rows that fulfil every condition given; lengths are in characters of the answers.

    `contains` and `lacks` look at the part `where`, upper and lower case alike. `rows` keeps these
    numbers only (from 0); `without` drops them.
    """

    kind: Literal["filter"] = "filter"
    where: Literal["anywhere", "question", "answer", "system"] = "anywhere"
    contains: str | None = Field(None, min_length=1)
    lacks: str | None = Field(None, min_length=1)
    answer_at_least: int | None = Field(None, ge=1)
    answer_at_most: int | None = Field(None, ge=1)
    split: Literal["train", "test"] | None = None
    rows: tuple[int, ...] | None = None
    without: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> "Filter":
        if self.model_dump(exclude={"kind", "dataset_id", "where"}, exclude_none=True) == {}:
            raise ValueError("no condition is given")
        return self


class Sample(_OfOne):
    """Keep `rows` rows chosen at random, in their order."""

    kind: Literal["sample"] = "sample"
    rows: int = Field(ge=1)
    seed: int = Field(1, ge=0, le=2**31)


class Change(_Operation):
    """A row's new content: a normalised row, `messages` or `text` or the fields of a pair."""

    row: int = Field(ge=0)
    content: dict[str, Any]


class Edit(_OfOne):
    """Change, delete and add single rows; numbers count from 0 in the dataset edited."""

    kind: Literal["edit"] = "edit"
    changed: tuple[Change, ...] = ()
    deleted: tuple[int, ...] = ()
    added: tuple[dict[str, Any], ...] = ()


class Weighted(_Operation):
    """A dataset of a mix and how much of it: 2.0 reads it twice as often as 1.0."""

    dataset_id: str
    weight: float = Field(1.0, gt=0, le=1000)


class Mix(_Operation):
    """Mix several datasets (multi-task): each gives rows in proportion to size times weight.

    A weight of 0.5 takes half of its rows, 2.5 takes each twice and half of them a third time. Rows
    kept for the exam are taken once whatever the weight. The order is shuffled by `seed`.
    """

    kind: Literal["mix"] = "mix"
    parts: tuple[Weighted, ...] = Field(min_length=2, max_length=20)
    seed: int = Field(1, ge=0, le=2**31)

    @property
    def parents(self) -> tuple[str, ...]:
        """The datasets mixed."""
        return tuple(part.dataset_id for part in self.parts)


class Clean(_OfOne):
    """Drop exact duplicates, near duplicates, empty answers: the first of each group stays."""

    kind: Literal["clean"] = "clean"
    exact: bool = True
    near: bool = True
    threshold: float = Field(0.8, ge=0.5, le=1.0)
    empty_answers: bool = True
    refusals: bool = False


class Redact(_OfOne):
    """Replace personal data by a word in brackets, such as [e-mail]; all kinds where empty."""

    kind: Literal["redact"] = "redact"
    kinds: tuple[str, ...] = ()


class Chosen(_OfOne):
    """Turn preference pairs or labelled answers into conversations: keep the better answers."""

    kind: Literal["chosen"] = "chosen"


class Answers(_OfOne):
    """Let a model write the answers: to each conversation's last question, as it stands there.

    Earlier answers of a conversation stay and are not learned. Of preference pairs and judged
    answers only the questions count; a plain text is a question as it stands.

    voice: who is asked, as in the chat: `base:ID`, `adapter:ID` or `checkpoint:RUN:STEP`.
    called: what it was called when it was asked.
    existing: conversations get the new answer in place of theirs, or stay as they are beside it.
    temperature: 0 always takes the likeliest word; above, `seed` decides.
    longest: in tokens; answers that are cut off there are left out unless `keep_cut_off`.
    system: read by that model alone, before a row's own system prompt.
    """

    kind: Literal["answers"] = "answers"
    voice: str = Field(min_length=1, max_length=200)
    called: str = Field("", max_length=200)
    existing: Literal["replace", "keep"] = "replace"
    temperature: float = Field(0.0, ge=0, le=2)
    seed: int = Field(1, ge=0, le=2**31)
    longest: int = Field(512, ge=1, le=8192)
    keep_cut_off: bool = False
    system: str = Field("", max_length=20_000)


class Written(_Operation):
    """Rows written or pasted in the browser, or kept from the playground."""

    kind: Literal["written"] = "written"

    @property
    def parents(self) -> tuple[str, ...]:
        """Made of no other dataset."""
        return ()


class Hub(_Operation):
    """The data files of a dataset on the hub, by its name there."""

    kind: Literal["hub"] = "hub"
    name: str = Field(min_length=1, max_length=200)
    revision: str | None = None
    split: str | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """Made of no other dataset."""
        return ()


Operation = Annotated[
    Split
    | Reread
    | Filter
    | Sample
    | Edit
    | Mix
    | Clean
    | Redact
    | Chosen
    | Answers
    | Written
    | Hub,
    Field(discriminator="kind"),
]

OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)
"""Reads an operation from JSON; raises pydantic's ValidationError."""
