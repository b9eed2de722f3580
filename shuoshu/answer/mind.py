"""The model's memory, asked how likely it gives this answer or that."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from shuoshu.model import MiniGLM
from shuoshu.questions.untold import NOT_TOLD
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.regime import fast_precision


class Mind:
    """The model's memory, asked for likelihoods of many answers at once."""

    def __init__(self, model: MiniGLM, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.device = next(model.parameters()).device

    def recall(self, question: str, answers: Sequence[str]) -> list[float]:
        """Log-probability of each answer from memory, and last of the one that the books do not tell."""
        prompt = self.tokenizer.chat([{"role": "user", "content": question}])
        return self._likely(
            prompt, [[*self.tokenizer.encode(answer), self.tokenizer.chat_end] for answer in (*answers, NOT_TOLD)]
        )

    @torch.no_grad()
    def _likely(self, prompt: list[int], answers: Sequence[list[int]]) -> list[float]:
        """Log-probability of each answer behind the prompt.

        All stand in one row, the prompt once, and no answer sees another: half the tokens of a row each. Logits are
        made only where one is asked for. An answer loses its end, and the prompt its beginning, where the model does
        not read so far.
        """
        room = self.model.config.max_position_embeddings
        answers = [answer[: room // 2] for answer in answers]
        prompt = prompt[-(room - max(map(len, answers))) :]
        ids, places, text = list(prompt), list(range(len(prompt))), [-1] * len(prompt)
        before: list[int] = []  # for every token of an answer, the row's place whose logits foretell it
        for number, answer in enumerate(answers):
            before += [len(prompt) - 1, *range(len(ids), len(ids) + len(answer) - 1)]
            places += range(len(prompt), len(prompt) + len(answer))
            text += [number] * len(answer)
            ids += answer
        owner = torch.tensor(text)
        seen = ((owner == owner.unsqueeze(1)) | (owner == -1)).tril()
        row = torch.tensor([ids], device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast_precision(self.device) == "bf16"):
            hidden = self.model.model(row, torch.tensor(places, device=self.device), seen.to(self.device))[0]
            logits = self.model.lm_head(hidden[before])
        wanted = row[0, len(prompt) :].unsqueeze(1)
        found = F.log_softmax(logits.float(), dim=-1).gather(1, wanted).squeeze(1).cpu()
        return [float(part.sum()) for part in found.split([len(answer) for answer in answers])]
