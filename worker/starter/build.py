"""Builds the starter model's folder: tokenizer, short training, files."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from worker.starter import batches, corpus, tokenizer
from worker.starter.muon import Muon
from worker.starter.recipe import Recipe

Report = Callable[[float, str], None]

# Share of the whole time that passes before the first and after the last round, as measured.
BEFORE, AFTER = 0.06, 0.99


def build(folder: Path, report: Report, recipe: Recipe | None = None) -> None:
    """Writes an ordinary Hugging Face model folder; the same bytes each time on one machine.

    `report(share, words)` hears the share done (0 to 1) and what is being done.
    """
    recipe = recipe or Recipe()
    with _repeatable(recipe):
        report(0.0, "Writing questions and answers for the model")
        conversations = corpus.conversations(recipe.conversations, recipe.seed)
        report(0.02, "Teaching the model its alphabet")
        words = tokenizer.train(conversations, recipe.vocabulary, recipe.context)
        report(0.04, "Cutting the text into pieces")
        lessons = batches.make(words, conversations, recipe)
        model = LlamaForCausalLM(_config(words, recipe))
        _teach(model, lessons, recipe, report)
    report(AFTER, "Saving the model")
    _save(folder, model, words)
    report(1.0, "The starter model is ready")


@contextmanager
def _repeatable(recipe: Recipe) -> Iterator[None]:
    """Own random numbers and a fixed number of threads: sums of floats depend on both."""
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _config(words: PreTrainedTokenizerFast, recipe: Recipe) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def _teach(
    model: LlamaForCausalLM, lessons: list[batches.Batch], recipe: Recipe, report: Report
) -> None:
    step_with = _optimizer(model, recipe)
    for step in range(recipe.steps):
        _slopes(model, lessons[step % len(lessons)])
        step_with(_pace(step, recipe))
        share = BEFORE + (AFTER - BEFORE) * (step + 1) / recipe.steps
        report(share, f"Teaching the model: {step + 1} of {recipe.steps} rounds")
    model.eval()


def _optimizer(model: LlamaForCausalLM, recipe: Recipe) -> Callable[[float], None]:
    """Muon for the matrices, AdamW for the embedding and the norms; hears the pace (0 to 1)."""
    inner = [weight for weight in model.model.layers.parameters() if weight.ndim == 2]
    outer = [weight for weight in model.parameters() if all(weight is not one for one in inner)]
    muon = Muon(inner, torch.bfloat16 if _bfloat16_is_fast() else torch.float32)
    adam = torch.optim.AdamW(outer, betas=(0.9, 0.95), weight_decay=0.0)

    def step(pace: float) -> None:
        adam.param_groups[0]["lr"] = pace * recipe.embedding_rate
        torch.nn.utils.clip_grad_norm_(outer, 1.0)
        adam.step()
        adam.zero_grad()
        muon.step(pace * recipe.matrix_rate)

    return step


def _pace(step: int, recipe: Recipe) -> float:
    """Share of the learning rates: linear warm-up, then down to nothing in a straight line."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    return (recipe.steps - step) / (recipe.steps - recipe.warm_up)


def _slopes(model: LlamaForCausalLM, batch: batches.Batch) -> None:
    """Gradients of the mean loss over the tokens of the answers."""
    with torch.autocast("cpu", torch.bfloat16, enabled=_bfloat16_is_fast()):
        logits = model(
            batch.tokens,
            attention_mask=batch.mask(),
            position_ids=batch.positions,
            use_cache=False,
        ).logits[:, :-1]
    loss = cross_entropy(logits.float().flatten(0, 1), batch.labels[:, 1:].flatten())
    loss.backward()


def _bfloat16_is_fast() -> bool:
    """With matrix tiles (AMX) a round takes two thirds of the time; without, bf16 is slower."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _save(folder: Path, model: LlamaForCausalLM, words: PreTrainedTokenizerFast) -> None:
    model.generation_config = GenerationConfig(
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id, max_new_tokens=256
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    shutil.copyfile(corpus.TEXTS / "README.md", folder / "README.md")
