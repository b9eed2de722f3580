"""The processes that train one model together: who this one is, and what all of them must agree on.

`torchrun` starts them and gives each its place in the environment. With few weights every process holds them all and
gradients are averaged (DDP); with many each holds a part (FSDP2). A team of one does none of this.
"""

import atexit
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor

from shuoshu.train.data import IGNORE, Batch

T = TypeVar("T")

WAIT = timedelta(hours=2)
"""How long the others wait while the first works alone. A process that is gone is noticed at once all the same."""
BYTES_A_WEIGHT = 16
"""Weight, gradient and two moments in float32."""


@dataclass(frozen=True)
class Team:
    """`world` processes, of which this is number `rank`."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def agree(self, value: T) -> T:
        """The first process's value, for all."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Go on only when all have come this far."""
        if self.world > 1:
            dist.barrier()

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes, for all."""
        if self.world > 1:
            dist.all_reduce(values)
            values /= self.world
        return values

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a batch; one row with nothing to learn where the rows do not go round."""
        if self.world == 1:
            return batch
        ids, targets = (part[self.rank :: self.world] for part in batch)
        if len(ids):
            return ids, targets
        return batch[0][:1], np.full_like(batch[1][:1], IGNORE)

    def wrap(self, objective: nn.Module, shard: bool) -> nn.Module:
        """The objective as all processes train it: each on its rows, the gradients averaged."""
        if self.world == 1:
            return objective
        if not shard:
            device = next(objective.parameters()).device
            return nn.parallel.DistributedDataParallel(
                objective, device_ids=[device.index] if device.type == "cuda" else None
            )
        from torch.distributed.fsdp import fully_shard

        for layer in objective.get_submodule("model.model.layers").children():
            fully_shard(layer)
        # Together again only while in use, the outermost weights too: what is saved in between are parts.
        fully_shard(objective, reshard_after_forward=True)
        return objective


SOLO = Team()


def join(device: torch.device) -> Team:
    """The team that torchrun made, this process now part of it; a team of one without torchrun."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return SOLO
    if not dist.is_initialized():
        # The store outlives a restart by torchrun, and with it the addresses of the dead: without a name of its own
        # each second restart waited for them for ever.
        store, rank, world = next(rendezvous("env://", timeout=WAIT))
        store = PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=WAIT)
        atexit.register(dist.destroy_process_group)
    return Team(dist.get_rank(), world)


def leave() -> None:
    """End this process as a member of its team, its work done; without a team, do nothing.

    At once, past Python's own end: what is left of a wrapped model keeps gloo's threads alive, and one that lets go of
    a tensor while the interpreter is taken apart aborts the process (seen once in hundreds; pytorch/pytorch#179291).
    """
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def must_shard(parameters: int, device: torch.device) -> bool:
    """Whether so many weights with all that training needs of them leave too little of a GPU's memory."""
    if device.type != "cuda":
        return False
    return parameters * BYTES_A_WEIGHT > 0.6 * torch.cuda.get_device_properties(device).total_memory


def whole(weight: Tensor) -> Tensor:
    """A weight with all its parts, wherever they are; called by all processes at once."""
    return weight.full_tensor() if isinstance(weight, DTensor) else weight
