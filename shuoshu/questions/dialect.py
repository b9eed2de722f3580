"""What an endpoint takes beside model and messages: all of OpenAI's, until it refuses something.

Structured output is asked for as a JSON schema (OpenAI, vLLM, llama.cpp), else as a JSON object with the schema beside
it (llama-cpp-python, Together), else not at all, and JSON is read from the text. Newer models of OpenAI's call the
limit of tokens otherwise and take no temperature.
"""

import re
from dataclasses import dataclass
from typing import Any


@dataclass
class Dialect:
    """What was not refused so far."""

    formats: tuple[str, ...] = ("json_schema", "json_object")
    """Kinds of structured output, the best first."""
    limit: str = "max_tokens"
    temperature: bool = True

    def words(self, way: str, max_tokens: int, temperature: float, schema: dict[str, Any] | None) -> dict[str, Any]:
        """The parameters of a request."""
        words: dict[str, Any] = {self.limit: max_tokens}
        if self.temperature:
            words["temperature"] = temperature
        if schema is not None and self.formats:
            kind = self.formats[0]
            told = {"json_schema": {"name": way, "strict": True, "schema": schema}}
            words["response_format"] = {"type": kind, **(told if kind == "json_schema" else {"schema": schema})}
        return words

    def learn(self, words: dict[str, Any], refusal: str) -> bool:
        """Take the refusal of a request (status 400 or 422) to heart; False where nothing of it can be left out."""
        if "response_format" in words and re.search("response_format|schema|grammar", refusal):
            kind = words["response_format"]["type"]
            self.formats = tuple(one for one in self.formats if one != kind)
        elif "max_tokens" in words and "max_completion_tokens" in refusal:
            self.limit = "max_completion_tokens"
        elif "temperature" in words and "temperature" in refusal:
            self.temperature = False
        else:
            return False
        return True
