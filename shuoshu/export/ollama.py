"""What Ollama needs beside a GGUF file: a Modelfile with the template, and a page on how to use it."""

from shuoshu.model import GLMConfig
from shuoshu.tokenizer import CHAT_END, CHAT_START, END_OF_TEXT

# ChatML in Go's template language, the same text as `shuoshu.tokenizer.CHAT_TEMPLATE` open for an answer.
TEMPLATE = (
    "{{ range .Messages }}"
    f"{CHAT_START}{{{{ .Role }}}}\n{{{{ .Content }}}}{CHAT_END}\n"
    "{{ end }}"
    f"{CHAT_START}assistant\n"
)


def modelfile(config: GLMConfig) -> str:
    """The Modelfile for `model.gguf` beside it. What is set is what Ollama would otherwise choose for large models."""
    stops = "".join(f'PARAMETER stop "{mark}"\n' for mark in (CHAT_END, END_OF_TEXT, CHAT_START))
    return (
        "FROM ./model.gguf\n\n"
        f'TEMPLATE """{TEMPLATE}"""\n\n'
        f"{stops}"
        f"PARAMETER num_ctx {config.max_position_embeddings}\n"
        "PARAMETER temperature 0\n"
        "PARAMETER repeat_penalty 1.0\n"
    )


def readme(name: str) -> str:
    """How to bring the folder into Ollama under `name`."""
    return f"""# {name} for Ollama

In this folder:

    ollama create {name} -f Modelfile
    ollama run {name} "问题"

It answers from memory: citations, and tips that reword a question, stay with Shuoshu. The Modelfile sets temperature 0
and no penalty for repeating, as `shuoshu ask` does.
"""
