"""What every training process needs, imported once in the forkserver so that a run starts quickly.

Importing touches no graphics card and starts no thread of torch's: a fork would not survive either.
"""

import gc
from pathlib import Path

import accelerate
import datasets
import peft
import torch
import transformers.models.auto.modeling_auto
import transformers.models.auto.tokenization_auto
import transformers.models.llama.modeling_llama
import trl.trainer.sft_trainer
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

import worker.training.launch

if not Path("/dev/nvidiactl").exists():
    # PEFT imports it with the first adapter. With a card it asks the card what it can do, so there
    # it is left to the child.
    import bitsandbytes  # noqa: F401

gc.collect()
gc.freeze()  # what is imported here never becomes rubbish: a child need not look through it again

__all__ = [
    "AutoModelForCausalLM",
    "AutoTokenizer",
    "SFTConfig",
    "SFTTrainer",
    "accelerate",
    "datasets",
    "peft",
    "torch",
    "transformers",
    "trl",
    "worker",
]
