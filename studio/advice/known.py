"""What is known before Start: the data, the models, and how long the rows are."""

from dataclasses import dataclass
from typing import Any

from storage.base_models import Base
from storage.datasets import Dataset
from storage.model_facts import ModelFacts
from storage.status import WorkStatus


@dataclass(frozen=True)
class Known:
    """What a plan is made from.

    Attributes:
        data: what it learns from.
        model: what it starts from.
        facts: of that model; None: not ready yet.
        lengths: length of each row and place of its first learned token, in tokens, shape
            (rows, 2); None where they were not counted for this model and chat format.
        teacher: the model it learns to answer like; None: there is none, or it is not there.
        teacher_facts: of the teacher; None: not ready yet.
    """

    data: Dataset
    model: Base
    facts: ModelFacts | None
    lengths: Any = None
    teacher: Base | None = None
    teacher_facts: ModelFacts | None = None

    @property
    def is_read(self) -> bool:
        """Whether the data was read, so that its rows are counted."""
        return self.data.status is WorkStatus.READY and bool(self.data.report)
