"""How the processes of a run share the work: DDP gives each a whole model, FSDP divides it."""

from typing import Any

from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

from storage.specs import RunSpec
from worker.training.distributed import together


def divides(spec: RunSpec) -> bool:
    """Tell whether the model is divided among processes."""
    return spec.processes > 1 and spec.sharding == "fsdp"


def arguments(spec: RunSpec) -> dict[str, Any]:
    """Return what the library's trainer is told of several processes, by its field names.

    Where time is traded for memory the trainer's own way does it: that of the division draws other
    random numbers the second time.
    """
    if together.count() == 1:  # also where a single process only tries out the settings
        return {}
    if not divides(spec):
        # All of an adapter takes part in every step; of a whole model not every expert does.
        return {"ddp_find_unused_parameters": None if spec.adapter == "full" else False}
    return {
        "fsdp": True,
        "fsdp_config": {
            "version": 2,
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "state_dict_type": "FULL_STATE_DICT",
        },
    }


def settle(trainer: Any) -> None:
    """Let a trainer divide its model on a processor too.

    Torch divides over gloo as it does over NCCL; accelerate leaves a plan for it unread there.
    """
    planned, state = trainer.args.fsdp_plugin_args, trainer.accelerator.state
    if planned is None or state.distributed_type is not DistributedType.MULTI_CPU:
        return
    state.fsdp_plugin = FullyShardedDataParallelPlugin(**planned)
    if state.mixed_precision != "no":
        state.fsdp_plugin.set_mixed_precision(state.mixed_precision)
    state.distributed_type = DistributedType.FSDP
    trainer.is_fsdp_enabled = True
