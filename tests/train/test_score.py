"""Bits per character against a sum worked out token by token."""

import math

import pytest
import torch
from tiny import random_model

from shuoshu.tokenizer import Tokenizer
from shuoshu.train.score import answer_bits, bits_per_char


def test_bits_per_char_is_the_sum_over_all_tokens(tokenizer: Tokenizer, novella: str):
    model = random_model(tokenizer)
    texts = [novella[:700], novella[2000:2009], novella[3000:3500]]
    nats = 0.0
    for text in texts:
        stream = [tokenizer.end_of_text, *tokenizer.encode(text)]
        for start in range(0, len(stream) - 1, 32):
            for end in range(start + 1, min(start + 33, len(stream))):
                logits = model(torch.tensor([stream[start:end]]))[0, -1].double()
                nats -= logits.log_softmax(-1)[stream[end]].item()
    expected = nats / math.log(2) / sum(map(len, texts))
    assert bits_per_char(model, tokenizer, texts, context=32) == pytest.approx(expected, rel=1e-4)


def test_answer_bits_reads_the_prompt_and_scores_the_answer(tokenizer: Tokenizer):
    model = random_model(tokenizer)
    prompt, answer = tokenizer.chat([{"role": "user", "content": "谁？"}]), tokenizer.encode("邵拙。")
    nats = 0.0
    for i, token in enumerate(answer):
        logits = model(torch.tensor([prompt + answer[:i]]))[0, -1].double()
        nats -= logits.log_softmax(-1)[token].item()
    bits = answer_bits(model, [(prompt, answer)], tokenizer.characters_of)
    assert bits == pytest.approx(nats / math.log(2) / 3, rel=1e-4)


def test_answers_scored_together_are_those_scored_alone(tokenizer: Tokenizer, novella: str):
    model = random_model(tokenizer)
    pairs = [
        (tokenizer.encode(novella[i : i + 9 + i % 7]), tokenizer.encode(novella[i * 3 : i * 3 + 5 + i % 4]))
        for i in range(3, 40)
    ]
    counts = tokenizer.characters_of
    characters = [sum(counts[token] for token in answer) for _, answer in pairs]
    alone = [answer_bits(model, [pair], counts) for pair in pairs]
    expected = sum(bits * n for bits, n in zip(alone, characters, strict=True)) / sum(characters)
    assert answer_bits(model, pairs, counts) == pytest.approx(expected, rel=1e-4)
