"""How long many answers take: known where the model is, longer where there is more to do."""

import dataclasses

from studio.advice import writing_pace
from studio.advice.machine import Machine

HERE = Machine(cores=2, free_memory=8_000_000_000)


def test_more_questions_longer_answers_and_larger_models_take_longer() -> None:
    usual = writing_pace.seconds(185, 120, 5_000_000, HERE)
    others = [
        writing_pace.seconds(400, 120, 5_000_000, HERE),
        writing_pace.seconds(185, 500, 5_000_000, HERE),
        writing_pace.seconds(185, 120, 500_000_000, HERE),
    ]

    assert usual is not None
    assert all(other is not None and other > usual for other in others)


def test_more_cores_take_less() -> None:
    many = dataclasses.replace(HERE, cores=16)

    slow, quick = (writing_pace.seconds(185, 120, 10**9, here) for here in (HERE, many))
    assert slow is not None
    assert quick is not None
    assert quick < slow


def test_nothing_is_promised_of_an_unknown_model_or_of_a_card() -> None:
    assert writing_pace.seconds(185, 120, None, HERE) is None
    with_card = dataclasses.replace(HERE, has_gpu=True)
    assert writing_pace.seconds(185, 120, 5_000_000, with_card) is None
