"""LoRA: a few trained weights beside the frozen ones of a large model, added into them at the end.

Each matrix W of the blocks becomes W + B·A with A and B of a low rank (Hu et al., arXiv:2106.09685). The work is done
by `peft`; afterwards the model is an ordinary one again.
"""

from typing import Any

from shuoshu.errors import UserError
from shuoshu.model import MiniGLM

MATRICES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapt(model: MiniGLM, rank: int) -> Any:
    """Freeze the model and put adapters of `rank` into its blocks, in place; returns what `merge` takes.

    Raises UserError where peft is not installed.
    """
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError as error:
        raise UserError('train.lora needs the library peft: pip install "shuoshu[lora]".') from error
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=MATRICES)
    return LoraModel(model, config, "default")


def merge(adapted: Any) -> MiniGLM:
    """Add the adapters into the weights, and take them away."""
    return adapted.merge_and_unload()
