"""What every training process needs, imported once in the forkserver so that a run starts quickly.

Importing touches no graphics card and starts no thread of torch's: a fork would not survive either.
"""

import gc
from pathlib import Path

import accelerate
import datasets
import peft
import peft.utils.transformers_weight_conversion
import torch
import torch.profiler._cupti_monitor
import torch.utils.serialization.config
import transformers.models.auto.modeling_auto
import transformers.models.auto.tokenization_auto
import transformers.models.llama.modeling_llama
import trl.trainer.sft_trainer
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.conversion_mapping import get_checkpoint_conversion_mapping
from trl import SFTConfig, SFTTrainer

import worker.training.launch

if not Path("/dev/nvidiactl").exists():
    # PEFT imports them with the first adapter. With a card they ask the card what it can do, so
    # there they are left to the child.
    import bitsandbytes  # noqa: F401
    import peft.tuners.lora.bnb

get_checkpoint_conversion_mapping("llama")  # builds the table for all models, once

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
