"""A run's settings: each declared once, each fault named in words, all faults at once."""

import json
import math
import string
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from storage.errors import Refused
from storage.specs import GROUPS, RunSpec

NEEDED = {"dataset_id": "data_1", "base_model_id": "model_1"}
FIELDS = sorted(RunSpec.model_fields)
WHOLE = ["rank", "max_steps", "batch_size", "accumulation", "seed", "max_length", "eval_every"]
DECIMAL = ["alpha", "dropout", "learning_rate", "warmup_ratio", "epochs", "weight_decay"]
NUMBERS = WHOLE + DECIMAL + ["max_grad_norm", "eval_share", "save_every", "keep_checkpoints"]


def faults_of(values: object) -> dict[str, str]:
    """Return what parse says against the values, by field."""
    with pytest.raises(Refused) as refused:
        specs.parse(values)
    return {fault.field: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_is_called_what_it_does_and_where_it_stands(name: str) -> None:
    declared = specs.field(name)
    assert declared.title
    assert declared.description
    assert declared.description.endswith(".")
    assert specs.group(name) in GROUPS
    assert specs.term(name)


def test_every_setting_stands_in_exactly_one_group_of_the_form() -> None:
    shown = [name for group in GROUPS for name in specs.names_in(group)]
    assert sorted(shown) == FIELDS


def test_only_the_data_and_the_base_model_must_be_chosen() -> None:
    assert specs.parse(NEEDED).name == "New run"
    assert faults_of({}) == dict.fromkeys(NEEDED, "This is needed.")


def test_the_effective_batch_is_what_stands_behind_one_correction() -> None:
    assert specs.parse({**NEEDED, "batch_size": 3, "accumulation": 5}).effective_batch == 15


def test_all_faults_are_told_at_once_each_by_its_field() -> None:
    found = faults_of(
        {
            "dataset_id": "  ",
            "rank": 0,
            "learning_rate": "0,0002",
            "epochs": math.nan,
            "scheduler": "wavy",
            "use_dora": "perhaps",
            "lora_rank": 8,
        }
    )
    assert found == {
        "dataset_id": "This is needed.",
        "base_model_id": "This is needed.",
        "rank": "Must be at least 1.",
        "learning_rate": "Must be a number, such as 0.0002 (with a point, not a comma).",
        "epochs": "Must be an ordinary number.",
        "scheduler": "Must be one of 'linear', 'cosine', 'constant', 'constant_with_warmup', "
        "'cosine_with_restarts', 'polynomial' or 'inverse_sqrt'.",
        "use_dora": "Must be yes or no.",
        "lora_rank": "There is no setting of this name.",
    }


def test_the_refusal_as_one_sentence_names_each_field_once() -> None:
    with pytest.raises(Refused, match=r"^Please correct: rank, target_modules\.") as refused:
        specs.parse({**NEEDED, "rank": -1, "target_modules": ["", "q_proj", ""]})
    assert len(refused.value.faults) == 3


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e400, "nan", "inf", "1e400"])
def test_a_number_that_is_none_is_refused(name: str, value: object) -> None:
    assert name in faults_of({**NEEDED, name: value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", ["", "3,5", "many", [], {}, b"\xff", object(), 10**400, "9" * 5000]
)
def test_what_is_no_number_in_reach_is_refused(name: str, value: object) -> None:
    assert name in faults_of({**NEEDED, name: value})


@pytest.mark.parametrize(
    ("name", "below", "lowest", "highest", "above"),
    [
        ("rank", 0, 1, 1024, 1025),
        ("alpha", 0.0, 1e-9, 4096, 4096.5),
        ("dropout", -0.01, 0.0, 0.999, 1.0),
        ("learning_rate", 0.0, 1e-12, 1.0, 1.01),
        ("warmup_ratio", -0.1, 0.0, 0.99, 1.0),
        ("epochs", 0.0, 0.01, 1000, 1000.1),
        ("max_steps", 0, 1, 10_000_000, 10_000_001),
        ("batch_size", 0, 1, 1024, 1025),
        ("accumulation", 0, 1, 4096, 4097),
        ("weight_decay", -1e-9, 0.0, 1.0, 1.001),
        ("max_grad_norm", 0.0, 0.001, 1000, 1001),
        ("seed", -1, 0, 2**32 - 1, 2**32),
        ("max_length", 15, 16, 1_048_576, 1_048_577),
        ("eval_share", -0.1, 0.0, 0.5, 0.51),
        ("keep_checkpoints", 0, 1, 100, 101),
        ("early_stopping", -1, 0, 100, 101),
    ],
)
def test_a_limit_is_allowed_and_one_beyond_it_is_not(
    name: str, below: float, lowest: float, highest: float, above: float
) -> None:
    for value in (lowest, highest):
        assert getattr(specs.parse({**NEEDED, name: value}), name) == value
    for value in (below, above):
        assert faults_of({**NEEDED, name: value})[name].startswith("Must be ")


@pytest.mark.parametrize("values", [None, 7, "rank: 8", [("rank", 8)], object(), b"{}", True])
def test_what_is_no_mapping_is_refused_as_a_whole(values: object) -> None:
    assert faults_of(values) == {"settings": "The settings must be an object with named fields."}


def test_a_form_sends_text_and_a_recipe_sends_numbers_and_both_mean_the_same() -> None:
    typed = {**NEEDED, "rank": "8", "learning_rate": "2e-4", "use_dora": "true"}
    meant = {**NEEDED, "rank": 8, "learning_rate": 0.0002, "use_dora": True}
    assert specs.parse(typed) == specs.parse(meant)


def test_a_spec_cannot_be_changed_afterwards() -> None:
    spec = specs.parse(NEEDED)
    with pytest.raises(ValueError, match="frozen"):
        spec.rank = 4  # type: ignore[misc]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="{}0123456789.,e-+ \x00\ud800")
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(FIELDS) | st.text() | st.integers(), ANYTHING, max_size=8)
    | ANYTHING
)
def test_whatever_comes_in_is_a_spec_or_is_refused_in_words(values: Any) -> None:
    try:
        specs.parse(values)
    except Refused as refused:
        said = [fault.message for fault in refused.faults]
    else:
        said = ["Nothing."]
    assert said
    for words in said:
        assert "Input should" not in words
        assert words.endswith(".")


def _numbers(name: str) -> st.SearchStrategy[Any]:
    """Return values that the limits of a number setting allow."""
    declared = specs.field(name)
    limits = {key: value for m in declared.metadata for key, value in _bounds(m).items()}
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    if declared.annotation is float:
        return st.floats(low, high, exclude_min="gt" in limits, exclude_max="lt" in limits)
    whole = st.integers(low, high)
    return whole if declared.annotation is int else st.none() | whole


def _bounds(limit: Any) -> dict[str, Any]:
    """Return the bounds that one piece of a field's metadata holds."""
    return {key: getattr(limit, key) for key in ("ge", "gt", "le", "lt") if hasattr(limit, key)}


def _values(name: str) -> st.SearchStrategy[Any]:
    annotation = specs.field(name).annotation
    if annotation is bool:
        return st.booleans()
    if annotation is str:
        return st.text(string.printable, min_size=1, max_size=64).filter(str.strip)
    if name in ("teacher_model_id", "custom_template"):
        return st.none() | st.text(string.printable, min_size=1, max_size=64).filter(str.strip)
    if name == "start_from":
        return st.none() | st.from_regex(
            r"(adapter:adapter_[0-9a-f]{1,8}|checkpoint:run_[0-9a-f]{1,8}:[0-9]{1,8})",
            fullmatch=True,
        )
    if name == "probe_prompts":
        return st.lists(st.text(string.ascii_letters, min_size=1, max_size=80), max_size=5)
    if name in ("target_modules", "extra_tokens"):
        return st.lists(st.text(string.ascii_letters, min_size=1, max_size=80), max_size=64)
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    return _numbers(name)


@given(st.fixed_dictionaries({name: _values(name) for name in FIELDS}))
def test_a_spec_survives_being_stored_and_read(values: dict[str, Any]) -> None:
    spec = specs.parse(values)
    stored = json.dumps(spec.model_dump(mode="json"))
    assert specs.parse(json.loads(stored)) == spec


@pytest.mark.parametrize(
    ("name", "values", "has_effect"),
    [
        ("rank", {}, True),
        ("rank", {"adapter": "ia3"}, False),
        ("label_smoothing", {"preference_loss": "robust"}, False),
        ("label_smoothing", {"preference_loss": "robust", "method": "dpo"}, True),
        ("group_by_length", {}, False),
        ("group_by_length", {"packing": False}, True),
        ("group_by_length", {"method": "dpo"}, True),
        ("group_by_length", {"method": "kto"}, False),
    ],
)
def test_a_setting_has_an_effect_only_beside_certain_others(
    name: str, values: dict[str, Any], has_effect: bool
) -> None:
    assert specs.applies(name, values) is has_effect
