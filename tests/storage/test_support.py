"""How far a model is supported is said with reasons that are true."""

from typing import Any

import pytest
from transformers import CONFIG_MAPPING
from transformers.cache_utils import DynamicCache

from storage import support
from storage.model_facts import ModelFacts
from storage.support import Degree
from tests.worker.training import matrix
from worker.chat.base import _KEEP_ALL
from worker.models.architectures import known_model_types


def facts(**changes: Any) -> ModelFacts:
    usual: dict[str, Any] = {
        "architecture": "LlamaForCausalLM", "model_type": "llama", "parameters": 1,
        "weight_bytes": 2, "dtypes": ["bfloat16"], "layers": 2, "hidden_size": 32, "heads": 2,
        "kv_heads": 1, "intermediate_size": 64, "context_length": 256, "vocabulary_size": 300,
        "has_chat_template": True, "chat_template_marks_answers": False, "licence": None,
        "linear_modules": ["q_proj"], "tied_embeddings": False, "quantized": False,
    }  # fmt: skip
    return ModelFacts(**{**usual, **changes})


def test_what_is_called_tried_is_what_the_tests_train() -> None:
    assert set(support.TRIED) == {config().model_type for config in matrix.FAMILIES.values()}


@pytest.mark.parametrize("kind", support.TRIED)
def test_what_is_tried_is_fully_supported_and_talks(kind: str) -> None:
    found = support.of(facts(model_type=kind))
    assert (found.degree, found.can_chat) == (Degree.FULL, True)
    assert found.reasons[0].startswith("The studio's tests train models of this kind")


def test_what_the_library_knows_is_likely_and_says_why() -> None:
    found = support.of(facts(model_type="olmo2", architecture="Olmo2ForCausalLM"))
    assert found.degree is Degree.LIKELY
    assert "(olmo2), but the studio's tests do not train it" in found.reasons[0]


def test_a_model_of_pictures_too_is_likely_and_says_what_to_name() -> None:
    found = support.of(facts(model_type="gemma3", architecture="Gemma3ForConditionalGeneration"))
    assert found.degree is Degree.LIKELY
    assert any("name the parts that learn" in reason for reason in found.reasons)


@pytest.mark.parametrize("dtype", ["int32", "float8_e4m3fn"])
def test_weights_that_are_locked_are_refused_with_what_to_do(dtype: str) -> None:
    found = support.of(facts(quantized=True, dtypes=["bfloat16", dtype]))
    assert found.degree is Degree.NO
    assert "choose the original model" in found.reasons[0]


def test_weights_in_four_bits_of_the_kind_that_learns_are_likely() -> None:
    assert support.of(facts(quantized=True, dtypes=["uint8"])).degree is Degree.LIKELY


def test_nothing_to_put_an_adapter_on_is_no() -> None:
    assert support.of(facts(linear_modules=[])).degree is Degree.NO


def test_a_missing_or_broken_chat_format_is_remarked_and_no_reason_against() -> None:
    found = support.of(facts(has_chat_template=False, chat_template_fault="Line 2 is not right."))
    assert found.degree is Degree.FULL
    assert "choose one" in found.reasons[1]
    assert found.reasons[2].endswith("Line 2 is not right.")


@pytest.mark.parametrize(
    "kind", ["mamba", "qwen3_next", "jamba", "falcon_h1", "gemma3n_text", "llama"]
)
def test_who_cannot_be_talked_to_remembers_otherwise(kind: str) -> None:
    layers = DynamicCache(config=CONFIG_MAPPING[kind]()).layers
    alike = bool(layers) and all(type(layer) in _KEEP_ALL for layer in layers)
    assert support.of(facts(model_type=kind)).can_chat is alike


def test_every_kind_that_is_named_exists() -> None:
    named = {*support.TRIED, *support._REMEMBER_OTHERWISE, *support._COUNT_OTHERWISE}
    assert named <= known_model_types()
