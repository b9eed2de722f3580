"""A tokenizer fitted to the books: byte-level BPE whose first merges make whole characters.

Ordinary byte-level BPE merges whatever pairs of bytes are frequent, so that half of all Chinese characters stay
split and a model can stop in the middle of one. Here BPE is trained on *characters*; the result is then rewritten in
bytes, with the merges that build each known character placed first. So no known character is ever split, an unknown
one falls back to its bytes, every string round-trips, and `tokenizer.json` is an ordinary file that transformers,
vLLM and llama.cpp (as pre-tokenizer `qwen2`) read with the same ids.
"""

import codecs
import json
import math
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypedDict

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as FastTokenizer

from shuoshu.errors import UserError
from shuoshu.files import read_utf8, write_json, write_text

END_OF_TEXT, CHAT_START, CHAT_END = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""End of a document (and padding), start and end of a chat message: Qwen's names."""

ROLES = ("user", "assistant", "system")
"""Words of the chat template: one token each, or a third of a short Chinese question would be their letters."""

# Qwen2's rule for where a token may not cross, letter by letter: llama.cpp knows it by the name qwen2.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# ChatML, as transformers' `apply_chat_template` renders it. `Tokenizer.chat` gives the same ids without jinja.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


class Message(TypedDict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Tokenizer:
    """Text to ids and back. `path` is a folder holding `tokenizer.json` (a tokenizer or model folder)."""

    def __init__(self, fast: FastTokenizer, chat_template: str = CHAT_TEMPLATE) -> None:
        self.fast = fast
        self.chat_template = chat_template
        # In a person's text `<|im_end|>` is text: only `chat` and `end_of_text` put the marks themselves.
        self.fast.encode_special_tokens = True
        self.end_of_text, self.chat_start, self.chat_end = (self._mark(mark) for mark in SPECIAL)

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read a tokenizer from its folder. Raises UserError when it is missing or broken."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise UserError(f"{folder} has no tokenizer.json; make one with `shuoshu tokenizer RUN`.")
        try:
            fast = FastTokenizer.from_str(read_utf8(path))
        except Exception as error:  # the library raises bare Exception for whatever it cannot read
            raise UserError(f"{path}: not a readable tokenizer ({error}).") from error
        template = folder / "chat_template.jinja"
        return cls(fast, read_utf8(template) if template.is_file() else CHAT_TEMPLATE)

    def save(self, folder: Path) -> None:
        """Write the files transformers' AutoTokenizer reads."""
        self.fast.encode_special_tokens = False
        write_text(folder / "tokenizer.json", self.fast.to_str())
        self.fast.encode_special_tokens = True
        write_text(folder / "chat_template.jinja", self.chat_template)
        config: dict[str, Any] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": CHAT_END,
            "pad_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1_000_000,
        }
        write_json(folder / "tokenizer_config.json", config)

    def _mark(self, mark: str) -> int:
        i = self.fast.token_to_id(mark)
        if i is None:
            raise UserError(f"The tokenizer has no {mark}; Shuoshu needs the ChatML marks {', '.join(SPECIAL)}.")
        return i

    @property
    def vocab_size(self) -> int:
        """Number of ids, the special marks included."""
        return self.fast.get_vocab_size(with_added_tokens=True)

    @property
    def stop_ids(self) -> list[int]:
        """Ids that end an answer or a text."""
        return [self.chat_end, self.end_of_text]

    def encode(self, text: str) -> list[int]:
        """Ids of a text; marks such as `<|im_end|>` in it are taken as plain characters."""
        return self.fast.encode(text, add_special_tokens=False).ids

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """As `encode`, for many texts at once on all cores."""
        return [coded.ids for coded in self.fast.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids. Special marks are left out; bytes that make no character become `�`."""
        return b"".join(self.bytes_of[i] for i in ids).decode("utf-8", "replace")

    def chat(self, messages: Sequence[Message], *, answer: bool = True) -> list[int]:
        """Ids of a conversation in ChatML, open for the assistant's answer if `answer`.

        The ids transformers gives for `chat_template`, but a mark written by a person inside a message stays text.
        """
        ids: list[int] = []
        newline = self.encode("\n")
        for message in messages:
            ids += [self.chat_start, *self.encode(f"{message['role']}\n{message['content']}"), self.chat_end, *newline]
        return [*ids, self.chat_start, *self.encode("assistant\n")] if answer else ids

    @cached_property
    def bytes_of(self) -> list[bytes]:
        """The bytes each id stands for; nothing for special marks."""
        added = set(self.fast.get_added_tokens_decoder())
        letters = {letter: byte for byte, letter in _byte_letters().items()}
        table = [b""] * self.vocab_size
        for token, i in self.fast.get_vocab(with_added_tokens=True).items():
            if i not in added:
                table[i] = bytes(letters[letter] for letter in token)
        return table

    @cached_property
    def characters_of(self) -> list[int]:
        """How many characters begin in each id, so that sums over ids count characters."""
        return [sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self.bytes_of]


class TextStream:
    """Turns ids into text as they come, in whole characters: bytes wait until their character is complete.

    What makes no character (and a `�` that stood in a book already) is counted in `broken` and never shown.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._bytes_of = tokenizer.bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.broken = 0

    def step(self, token: int) -> str:
        """The characters that `token` completes, perhaps none.

        Open weights have rows for more tokens than their tokenizer knows: such a one stands for nothing.
        """
        return self._clean(self._decoder.decode(self._bytes_of[token] if token < len(self._bytes_of) else b""))

    def end(self) -> str:
        """What is left at the end: nothing to show, but an unfinished character is counted as broken."""
        return self._clean(self._decoder.decode(b"", final=True))

    def _clean(self, text: str) -> str:
        self.broken += text.count("�")
        return text.replace("�", "")


VOCAB_SIZES = ((500_000, 4096), (8_000_000, 8192), (80_000_000, 16384))
"""Vocabulary for books of less than so many characters; `LARGEST_VOCAB` beyond."""
LARGEST_VOCAB = 32768


def choose_vocab_size(texts: Collection[str]) -> int:
    """Vocabulary for books with these texts.

    Every entry must be seen often enough to be learned, and at small sizes the embedding must not outweigh the
    body: 4,096 for a novella, 8,192 for a few novels (0.79 tokens a character), 16,384 and 32,768 beyond. Books
    of many rare characters need more (聊斋志异 4,900 of them in half a million): room for all, and a third for words.
    """
    length = sum(map(len, texts))
    size = next((size for limit, size in VOCAB_SIZES if length < limit), LARGEST_VOCAB)
    spelled = [whole.encode() for whole in set(ROLES).union(*texts)]
    beginnings = {whole[:end] for whole in spelled for end in range(2, len(whole) + 1)}  # each an entry of its own
    least = 256 + len(beginnings) + len(SPECIAL)
    return max(size, math.ceil(least * 4 / 3 / 1024) * 1024)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Fit a tokenizer to texts.

    `vocab_size` counts bytes, characters, merges and marks; a small text may need fewer. Raises UserError where the
    books' own characters do not fit.
    """
    trained = FastTokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    # The trainer counts characters and merges; bytes and prefixes come on top below, so this is always enough.
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=[], show_progress=False)
    trained.train_from_iterator(texts, trainer)
    model = json.loads(trained.to_str())["model"]

    letter = _byte_letters()
    vocab = {letter[byte]: byte for byte in range(256)}
    merges: list[tuple[str, str]] = []
    characters = sorted((token for token in model["vocab"] if len(token) == 1), key=model["vocab"].get)
    for whole in (*characters, *ROLES):
        spelled = _spell(whole, letter)
        for end in range(2, len(spelled) + 1):
            if spelled[:end] not in vocab:
                vocab[spelled[:end]] = len(vocab)
                merges.append((spelled[: end - 1], spelled[end - 1]))
    if len(vocab) + len(SPECIAL) > vocab_size:
        raise UserError(
            f"tokenizer.vocab_size is {vocab_size}, but these books' characters alone need "
            f"{len(vocab) + len(SPECIAL)}; raise it or leave it out."
        )
    for left, right in model["merges"]:
        if len(vocab) + len(SPECIAL) >= vocab_size:
            break
        left, right = _spell(left, letter), _spell(right, letter)
        if left + right not in vocab:
            vocab[left + right] = len(vocab)
            merges.append((left, right))

    fast = FastTokenizer(models.BPE(vocab=vocab, merges=merges))
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in SPECIAL])
    return Tokenizer(fast)


def _spell(token: str, letter: dict[int, str]) -> str:
    return "".join(letter[byte] for byte in token.encode())


def _byte_letters() -> dict[int, str]:
    """GPT-2's letter for each byte: printable ones stand for themselves, the rest move up beyond U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(0x100 + len(letters) - len(printable))
    return letters
