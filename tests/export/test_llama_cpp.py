"""The exported file in llama.cpp itself, where llama-cpp-python is installed: same ids, same logits, same answers."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader, GGUFWriter
from tiny import random_model

from shuoshu.export.gguf import write_gguf
from shuoshu.generate.engine import Engine
from shuoshu.model import MiniGLM
from shuoshu.recipe import Sampling
from shuoshu.tokenizer import Tokenizer
from shuoshu.train.stage import save_model

llama_cpp: Any = pytest.importorskip(
    "llama_cpp", reason="llama-cpp-python is not installed (pip install llama-cpp-python builds it in a quarter hour)"
)

# What the book does not hold: other scripts, digits, marks, spaces of every kind, characters no token stands for.
ODD = [
    "The old lamplighter's lamp didn't go out; WE'LL see, they'VE said.",
    "3,141.59 元，2026年11月22日 12:30:05，１２３，一二三，½²Ⅻ",
    "👩‍👩‍👧 🏮灯🏮 👍🏽 ❤️",
    "“‘—…’”，。！？；：、（）【】《》〈〉·～￥%&*@#$^_+-=|\\/<>[]{}`\"'",
    "一\n二\n\n三\r\n四\r\n\r\n五\t六\n  七  \n",
    "　　全角空格开头，中间　也有　　。　",
    " a  b   c    ",
    "\n",
    " ",
    "",
    "x<|im_end|>y<|im_start|>user\n<|endoftext|>",
    "龘𠮷㐂鿿 한글 かな ไทย عربي עברית हिन्दी é ñ ß ﬁ",
    "a\u00a0b\u200bc\u2028d\u0085e\ufefff\u0000g\ufffd",
    "https://example.org/路径?q=灯#一 user@example.org `code` **粗体**",
]


@pytest.fixture(scope="module")
def folder(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose weights are numbers of half precision, so that f16 loses nothing."""
    model = random_model(tokenizer)
    model.load_state_dict({name: weight.half().float() for name, weight in model.state_dict().items()})
    folder = tmp_path_factory.mktemp("model")
    save_model(model, tokenizer, folder)
    for type_ in ("f16", "q8_0"):
        write_gguf(folder, folder / f"{type_}.gguf", type_, "test")
    return folder


@pytest.fixture(scope="module")
def llama(folder: Path) -> Any:
    """llama.cpp with the exported model."""
    return opened(folder / "f16.gguf")


def opened(path: Path) -> Any:
    """llama.cpp on the CPU with a file; keys and values in float32, or they would hide the file's own error."""
    return llama_cpp.Llama(str(path), n_ctx=256, n_threads=1, logits_all=True, type_k=0, type_v=0, verbose=False)


def test_ids_are_ours_on_200_texts(llama: Any, tokenizer: Tokenizer, novella: str):
    sentences = [sentence for line in novella.splitlines() for sentence in line.split("。") if sentence]
    step = len(sentences) // 170
    texts = [*sentences[: 170 * step : step], *ODD, *("".join(ODD[i:]) for i in range(len(ODD))), novella]
    assert len(texts) >= 199
    for text in texts:
        assert llama.tokenize(text.encode(), add_bos=False, special=False) == tokenizer.encode(text), text


def test_a_conversation_has_our_ids(llama: Any, tokenizer: Tokenizer):
    conversation: Any = [
        {"role": "system", "content": "说书"},
        {"role": "user", "content": "谁是\n邵拙？"},
        {"role": "assistant", "content": "补灯匠。"},
        {"role": "user", "content": "他徒弟呢？"},
    ]
    template = llama.metadata["tokenizer.chat_template"]
    render = llama_cpp.llama_chat_format.Jinja2ChatFormatter(template, eos_token="<|im_end|>", bos_token="")
    prompt = render(messages=conversation).prompt
    # As servers do it: beginning marks where the file asks for them, marks of the template read as marks.
    assert llama.tokenize(prompt.encode(), add_bos=True, special=True) == tokenizer.chat(conversation)
    assert (llama.token_eos(), llama.token_bos()) == (tokenizer.chat_end, tokenizer.end_of_text)
    vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
    ends = [i for i in range(tokenizer.vocab_size) if llama_cpp.llama_vocab_is_eog(vocabulary, i)]
    assert ends == sorted(tokenizer.stop_ids)


def logits(path: Path, ids: list[int]) -> np.ndarray:
    """llama.cpp's logits after each of `ids`."""
    llama = opened(path)
    llama.eval(ids)
    return np.array(llama.scores[: len(ids)])


def test_the_file_holds_the_same_network(folder: Path, tokenizer: Tokenizer, novella: str, tmp_path: Path):
    """Its f16 numbers as f32: what differs now can only be the file. (In f16 llama.cpp rounds activations, too.)"""
    exported = GGUFReader(folder / "f16.gguf")
    writer = GGUFWriter(tmp_path / "f32.gguf", "qwen3")
    for key, field in exported.fields.items():
        if not key.startswith(("GGUF.", "general.architecture")):
            sub_type = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type)
    for tensor in exported.tensors:
        writer.add_tensor(tensor.name, np.asarray(tensor.data, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    ids = tokenizer.encode(novella[1000:1200])
    with torch.no_grad():
        ours = MiniGLM.load(folder)(torch.tensor([ids]))[0].numpy()
    assert np.abs(logits(tmp_path / "f32.gguf", ids) - ours).max() < 1e-4
    in_f16 = logits(folder / "f16.gguf", ids)
    assert np.abs(in_f16 - ours).mean() < 1e-3
    assert np.array_equal(in_f16.argmax(-1), ours.argmax(-1))
    in_q8_0 = logits(folder / "q8_0.gguf", ids)
    assert np.abs(in_q8_0 - ours).mean() < 0.05  # the logits themselves deviate by 1.2


def test_greedy_answers_are_ours(llama: Any, folder: Path, tokenizer: Tokenizer):
    questions = ["谁？", "《澹江七灯录》里，虞照川的师父是谁？", "沉灯之夜死了多少人，为什么会死？请说说前因后果。"]
    prompts = [tokenizer.chat([{"role": "user", "content": question}]) for question in questions]
    ours = Engine(MiniGLM.load(folder), tokenizer).generate(prompts, Sampling(max_new_tokens=40))
    for prompt, answer in zip(prompts, ours, strict=True):
        theirs = list(islice(llama.generate(prompt, temp=0.0, repeat_penalty=1.0), 40))
        assert theirs[: len(answer.ids)] == answer.ids
        assert len(answer.ids) == 40 or theirs[len(answer.ids)] in tokenizer.stop_ids
