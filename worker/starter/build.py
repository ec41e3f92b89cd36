"""Builds the starter model's folder: tokenizer, short training, files."""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from worker.starter import batches, corpus, tokenizer
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
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, recipe))
    for step in range(recipe.steps):
        _round(model, lessons[step % len(lessons)], optimizer)
        schedule.step()
        share = BEFORE + (AFTER - BEFORE) * (step + 1) / recipe.steps
        report(share, f"Teaching the model: {step + 1} of {recipe.steps} rounds")
    model.eval()


def _pace(step: int, recipe: Recipe) -> float:
    """Share of the learning rate: linear warm-up, then a half cosine down to nothing."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    done = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return 0.5 * (1 + math.cos(math.pi * done))


def _round(model: LlamaForCausalLM, batch: batches.Batch, optimizer: torch.optim.Optimizer) -> None:
    """One step of learning; the head is computed for answers only, about half of the tokens."""
    with torch.autocast("cpu", torch.bfloat16, enabled=_bfloat16_is_fast()):
        hidden = model.model(batch.tokens).last_hidden_state[:, :-1]
        labels = batch.labels[:, 1:]
        logits = model.lm_head(hidden[labels != batches.IGNORED])
    loss = cross_entropy(logits.float(), labels[labels != batches.IGNORED])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


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
