"""Options of `shuoshu serve`: these fields are its command-line options, their docstrings the help."""

from dataclasses import dataclass, field
from pathlib import Path

from shuoshu.recipe import Precision


@dataclass(kw_only=True)
class ServeOptions:
    api_key: list[str] = field(default_factory=list)
    """Key that programs and browsers must show; several may be given. Better in SHUOSHU_API_KEY, where no process list
    shows it. Needed on any address but this machine's own."""
    name: list[str] = field(default_factory=list)
    """Host name the server is called by, where it stands behind a proxy or has a name of its own."""
    cors: list[str] = field(default_factory=list)
    """Origin (https://example.org) whose pages may use the API; none but our own when not given."""
    proxy: list[str] = field(default_factory=list)
    """Address of a proxy in front, whose word on who the client is counts."""
    page: bool = True
    """Offer the chat page; without it there is the API alone."""
    votes: Path | None = None
    """File of the arena's votes; `votes.jsonl` beside the first run when not given. Servers may share one."""
    questions: Path | None = None
    """Question file that the arena begins with: its reviewers go through it question by question."""
    slots: int = 16
    """Answers each model writes at the same time."""
    queue: int = 128
    """Answers that may wait for that; more are refused with 429."""
    per_client: int = 64
    """Requests one client may have running or waiting."""
    max_prompt_tokens: int = 4096
    """Longest prompt, in tokens, where the model itself would take more."""
    max_new_tokens: int = 1024
    """Longest answer, in tokens."""
    seconds: float = 300.0
    """Longest time a request may take, waiting included."""
    drain_seconds: float = 30.0
    """On SIGTERM or Ctrl-C, the time running answers have to come to their end."""
    log_prompts: bool = False
    """Write questions and answers into the log; without it, only that there were some."""
    precision: Precision = "auto"
    """Arithmetic of the models: fp32 is exact, bf16 and int8 are faster; auto is bf16 where the machine has it, else
    fp32."""
