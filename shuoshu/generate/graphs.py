"""The network on a GPU: a step that only writes is one recorded graph, launched at once.

A small model's step is some hundred kernels of a few microseconds; launching each from Python takes longer than running
it. A CUDA graph is recorded for a number of rows and a length, and replayed with other tokens and positions. So a step
computes rows that hold no text under way as well; what comes of those is not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from shuoshu.generate.network import Segment, TorchNetwork, TorchRunner

STRETCH = 128
"""Graphs are made for lengths of so many positions, twice as many, …"""


@dataclass
class Graph:
    """A recorded step: where it reads its inputs, and where it leaves its logits (rows, V)."""

    inputs: Tensor
    logits: Tensor
    recorded: torch.cuda.CUDAGraph


class GraphRunner(TorchRunner):
    """`TorchRunner`, with recorded graphs for the texts that are being written. Prompts are read without."""

    def __init__(self, network: TorchNetwork, rows: int, length: int) -> None:
        super().__init__(network, rows + 1, length)  # the last row takes what rows without a text write
        self._rows = rows
        self._graphs: dict[tuple[int, int], Graph] = {}

    @torch.inference_mode()
    def forward(self, segments: Sequence[Segment]) -> Tensor:
        """As `Runner.forward`."""
        writing = [segment for segment in segments if len(segment.ids) == 1 and segment.wanted]
        reading = [segment for segment in segments if not (len(segment.ids) == 1 and segment.wanted)]
        if not writing:
            return super().forward(reading)
        logits = self._write(writing)
        if not reading:
            return logits
        place = {segment.row: i for i, segment in enumerate(s for s in (*writing, *reading) if s.wanted)}
        both = torch.cat([logits, super().forward(reading)])
        return both[[place[segment.row] for segment in segments if segment.wanted]]

    def _write(self, segments: Sequence[Segment]) -> Tensor:
        """Logits (B, V) after one token of each text."""
        rows = [segment.row for segment in segments]
        count = min(1 << max(rows).bit_length(), self._rows)
        end = -(-(max(segment.start for segment in segments) + 1) // STRETCH) * STRETCH
        tokens, targets, positions = [0] * count, [self._rows] * count, [0] * count
        for row, start, ids, _ in segments:
            tokens[row], targets[row], positions[row] = ids[0], row, start
        return self.run(torch.tensor([tokens, targets, positions]), min(end, self.length))[rows]

    def run(self, inputs: Tensor, end: int) -> Tensor:
        """As `step`, by its graph."""
        graph = self._graphs.get((inputs.shape[1], end))
        if graph is None:
            graph = self._graphs[inputs.shape[1], end] = self._record(inputs.to(self.network.device), end)
        graph.inputs.copy_(inputs)
        graph.recorded.replay()
        return graph.logits

    def _record(self, inputs: Tensor, end: int) -> Graph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries set themselves up in the first run, which cannot be recorded
            self.step(inputs, end)
        torch.cuda.current_stream().wait_stream(side)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            logits = self.step(inputs, end)
        return Graph(inputs, logits, recorded)

    def step(self, inputs: Tensor, end: int) -> Tensor:
        """Run a token in each of the first rows: logits (rows, V).

        `inputs` (3, rows) are the tokens, the rows of the cache that they are written to and their positions, all below
        `end`. Queries that share keys stand side by side as a sequence, so attention needs no copies of keys.
        """
        network, (tokens, targets, positions) = self.network, inputs
        count, kv_heads, width = len(tokens), network.config.num_key_value_heads, network.config.head_dim
        cos, sin = network.cos[positions][:, None], network.sin[positions][:, None]
        mask = (torch.arange(end, device=inputs.device) <= positions[:, None])[:, None, None]  # (rows, 1, 1, end)
        x = F.embedding(tokens, network.embedding)
        for layer, (keys, values) in zip(network.layers, self.layers, strict=True):
            turned, new = network.turned(layer, x, cos, sin)
            keys[targets, :, positions], values[targets, :, positions] = turned[:, -kv_heads:], new
            queries = turned[:, :-kv_heads].view(count, kv_heads, -1, width)
            seen = F.scaled_dot_product_attention(
                queries, keys[:count, :, :end], values[:count, :, :end], attn_mask=mask
            )
            x = network.added(layer, x, seen.reshape(count, -1, width))
        return network.logits(x)
