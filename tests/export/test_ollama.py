"""The Modelfile: its template gives the text of our chat template, its marks and sizes are those of the model."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest
from tiny import random_model

from shuoshu.export.ollama import TEMPLATE, modelfile
from shuoshu.tokenizer import CHAT_TEMPLATE, Tokenizer

CONVERSATIONS = [
    [{"role": "user", "content": "谁是\n邵拙？"}],
    [
        {"role": "system", "content": "说书"},
        {"role": "user", "content": "a \"b\" {{ .Role }} <c> & 'd'"},
        {"role": "assistant", "content": "  补灯匠。\n\n"},
        {"role": "user", "content": ""},
    ],
]

GO = """package main
import ("encoding/json"; "os"; "text/template")
type Message struct { Role, Content string }
func main() {
	var all [][]Message
	if json.NewDecoder(os.Stdin).Decode(&all) != nil { os.Exit(1) }
	prompt := template.Must(template.New("").Parse(os.Args[1]))
	for _, messages := range all {
		if prompt.Execute(os.Stdout, map[string]any{"Messages": messages}) != nil { os.Exit(1) }
	}
}
"""


def expected() -> str:
    """What transformers' template makes of the conversations, one after the other."""
    ours = jinja2.Environment().from_string(CHAT_TEMPLATE)
    return "".join(ours.render(messages=messages, add_generation_prompt=True) for messages in CONVERSATIONS)


def test_the_template_is_ours():
    found = re.fullmatch(r"\{\{ range \.Messages \}\}(.*)\{\{ end \}\}(.*)", TEMPLATE, flags=re.S)
    assert found is not None
    message, opening = found.groups()
    assert set(re.findall(r"\{\{.*?\}\}", message)) == {"{{ .Role }}", "{{ .Content }}"}
    assert "{{" not in opening
    text = ""
    for messages in CONVERSATIONS:
        for each in messages:
            fields = {"Role": each["role"], "Content": each["content"]}
            text += re.sub(r"\{\{ \.(\w+) \}\}", lambda field, fields=fields: fields[field[1]], message)
        text += opening
    assert text == expected()


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go here, whose templates Ollama uses")
def test_go_renders_the_template_as_ours(tmp_path: Path):
    (tmp_path / "main.go").write_text(GO)
    run = ["go", "run", str(tmp_path / "main.go"), TEMPLATE]
    done = subprocess.run(run, input=json.dumps(CONVERSATIONS), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected()


def test_the_modelfile_says_what_the_model_needs(tokenizer: Tokenizer):
    text = modelfile(random_model(tokenizer, max_position_embeddings=384).config)
    template = re.search(r'^TEMPLATE """(.*?)"""$', text, flags=re.S | re.M)
    assert template is not None
    assert template[1] == TEMPLATE
    rest = text.replace(template[0], "")
    assert [line for line in rest.splitlines() if line] == [
        "FROM ./model.gguf",
        'PARAMETER stop "<|im_end|>"',
        'PARAMETER stop "<|endoftext|>"',
        'PARAMETER stop "<|im_start|>"',
        "PARAMETER num_ctx 384",
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1.0",
    ]
