"""The options of every stage: these fields are the YAML keys and the command-line options, their docstrings the help.

An option left `null` is chosen by Shuoshu itself from the books, the budget and the machine (`train/regime.py`).
Nothing heavy is imported here: `shuoshu VERB --help` loads this module and must stay fast.
"""

from dataclasses import asdict, dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from shuoshu.errors import UserError
from shuoshu.files import read_utf8

DEMO = "demo"
"""In place of a path: the bundled book, or its questions."""

Arithmetic = Literal["fp32", "bf16", "int8"]
"""How a network answers: fp32 gives the very text of transformers; bf16 and int8 read a half and a quarter of it."""

Precision = Literal["auto", Arithmetic]
"""What may be asked for; auto is bf16 where the machine multiplies it, else fp32 (`generate/engine.py`)."""

FORMAT = 1
"""Version of the run folder. A folder of another version is refused rather than misread."""


@dataclass(kw_only=True)
class BooksOptions:
    paths: list[str] = field(default_factory=list)
    """Files and folders to read; a path in a recipe counts from the recipe's own folder. `demo` is the bundled book."""
    simplify: bool = False
    """Turn traditional characters into simplified ones (繁→简)."""
    skip_rules: list[str] = field(default_factory=list)
    """Cleaning rules to leave out, by the names in the report: `adverts`, `quotes`, `editions` …"""


@dataclass(kw_only=True)
class QuestionsOptions:
    train: list[str] = field(default_factory=list)
    """Question files to learn from, in any known format."""
    test: list[str] = field(default_factory=list)
    """Question files to be scored on, never learned from. Without one, `test_share` of the facts is set aside."""
    valid_share: float = 0.0
    """Share of the training facts set aside, and of the others one wording each: to watch the fine-tuning by, and to
    learn by how sure answers are."""
    test_share: float = 0.1
    """Share of the facts set aside for scoring where no test file is given."""
    seed: int = 0
    """Seed of the split."""


@dataclass(kw_only=True)
class TokenizerOptions:
    vocab_size: int | None = None
    """Number of tokens; chosen from the size of the books when not given."""


@dataclass(kw_only=True)
class ModelOptions:
    init_from: str | None = None
    """Open weights to start from, of the shape qwen3: a model folder, or a name on the Hugging Face hub
    (`Qwen/Qwen3-0.6B-Base`). Tokenizer and shape are taken over; `context` may still be given."""
    layers: int | None = None
    """Transformer blocks."""
    width: int | None = None
    """Width of the residual stream (hidden size)."""
    heads: int | None = None
    """Attention heads; width / 64 when not given."""
    kv_heads: int | None = None
    """Key-value heads, shared by groups of heads; as many as heads when not given."""
    ffn: int | None = None
    """Width of the feed-forward layer (SwiGLU); 8/3 of the width when not given."""
    context: int | None = None
    """Longest text seen at once, in tokens, in training and in answering."""
    tie: bool = True
    """Use the input embedding as output layer too."""


@dataclass(kw_only=True)
class TrainOptions:
    """What both training stages share: under `pretrain` or `finetune` for that stage, under `train` for both."""

    minutes: float | None = None
    """Budget in minutes of wall time: the one dial. Of several budgets, the one used up first holds."""
    epochs: float | None = None
    """Budget in passes over the data."""
    tokens: int | None = None
    """Budget in tokens."""
    steps: int | None = None
    """Budget in optimiser steps."""
    batch: int | None = None
    """Sequences in a step."""
    optimizer: Literal["muon", "adamw"] | None = None
    """muon (for matrices, with AdamW for the rest) or adamw for all."""
    lr: float | None = None
    """Peak learning rate of the matrices."""
    table_rate: float | None = None
    """Rate of embeddings and gains as a multiple of lr, where Muon moves the matrices."""
    weight_decay: float | None = None
    """Decoupled weight decay of the matrices."""
    dropout: float | None = None
    """Dropout on embeddings and residual branches."""
    warmup: float | None = None
    """Share of the run in which the learning rate rises."""
    cooldown: float | None = None
    """Share of the run in which the learning rate falls to zero, at the end."""
    clip: float | None = None
    """Largest gradient norm."""
    ema: float | None = None
    """Decay a step of a running mean of the weights, which is scored and kept in their place; 0 for none."""
    noise: float | None = None
    """Share of the input tokens replaced by random ones, against learning by heart what is read often."""
    precision: Literal["fp32", "bf16"] | None = None
    """Arithmetic of the matrix products; bf16 where the machine is faster with it."""
    compile: bool | None = None
    """Compile the model with torch.compile; by itself on a long run where it works."""
    lora: int | None = None
    """Rank of adapters (LoRA) that are trained in place of the weights, and added into them at the end."""
    shard: bool | None = None
    """Under torchrun: spread the weights over the processes (FSDP2); by itself where they leave no room on one GPU."""
    evaluate_times: int = 20
    """How often in a run the held-out text is scored."""
    save_minutes: float = 2.0
    """Minutes between checkpoints. Whatever the moment of a kill, the same command goes on to the same weights."""
    track: list[Literal["tensorboard", "wandb", "trackio", "swanlab"]] = field(default_factory=list)
    """Where the curves go beside metrics.jsonl; what is named must be installed."""
    keep: Literal["best", "last"] | None = None
    """Which weights to keep: the best on held-out text, or the last."""
    patience: int = 6
    """Stop after so many scorings without a better one; 0 never stops."""
    seed: int = 0
    """Seed of weights, order and dropout."""


@dataclass(kw_only=True)
class PretrainOptions(TrainOptions):
    questions_share: float | None = None
    """Share of the tokens that are trained questions with their answers, mixed into the text; 0 for text alone."""
    members: int = 1
    """More than 1: so many models on their own, then one that learns from the mean of them all and is kept."""
    chain: int = 1
    """More than 1: so many models one after another, each learning from the one before; the last is kept."""


@dataclass(kw_only=True)
class FinetuneOptions(TrainOptions):
    """Fine-tuning has no options of its own: it learns the answers of `questions/train.jsonl`."""


@dataclass(kw_only=True, frozen=True)
class Sampling:
    """How to choose tokens. Temperature 0 takes the likeliest one, always."""

    max_new_tokens: int = 128
    """Longest output, in tokens."""
    temperature: float = 0.0
    """0 takes the likeliest token; 1 draws by the model's own probabilities; above 1 wilder."""
    top_k: int = 0
    """Draw among the k likeliest tokens only; 0 for all."""
    top_p: float = 1.0
    """Draw among the likeliest tokens that together have this probability."""
    min_p: float = 0.0
    """Draw among the tokens at least this many times as likely as the likeliest."""
    repetition_penalty: float = 1.0
    """Above 1: tokens of the prompt and the text so far become less likely (CTRL, arXiv:1909.05858)."""
    seed: int = 0
    """Seed of the draw: the same seed gives the same text."""
    stop: tuple[str, ...] = ()
    """End the text before any of these strings."""
    logprobs: Annotated[int | None, Parameter(parse=False)] = None  # for programs: the terminal shows none
    """Report each token's log-probability, and so many of the likeliest alternatives (0 for the token's alone)."""


@dataclass(kw_only=True)
class IndexOptions:
    passage: int = 200
    """Longest passage, in characters; passages overlap by half and begin and end with sentences."""
    window: int = 60
    """Longest quotation, in characters."""
    embedding_model: str | None = None
    """A sentence-transformers model, by folder or hub name: passages are found by meaning too, not by words alone."""


@dataclass(kw_only=True)
class EvaluateOptions:
    modes: list[Literal["open", "closed"]] = field(default_factory=lambda: ["open", "closed"])
    """open: with the books at hand; closed: from memory."""
    trained: int = 60
    """How many trained questions are asked beside the test questions (level `trained`)."""
    embedding_model: str | None = None
    """A sentence-transformers model, by folder or hub name, for `embedding_similarity`."""
    paraphrases: int = 0
    """How many further wordings of each question are asked, where it has them, to see whether answers stay the same."""
    plain: bool = False
    """Ask every question as it stands too, without tips, and show both side by side."""
    judge: str | None = None
    """A language model that compares the answers pair by pair: its name at the endpoint."""
    judge_url: str | None = None
    """Address of the judge's OpenAI-compatible endpoint, ending in /v1 as a rule; OPENAI_BASE_URL when not given."""
    judge_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the judge's key."""
    judge_prompt: str | None = None
    """File with your own prompt for the judge in place of shuoshu/evaluate/judge.md."""
    judge_calls: int = 1000
    """Most calls to the judge; where all pairs take more, an evenly spread part of the questions is judged."""


@dataclass(kw_only=True)
class Recipe:
    """A whole road, from books to scores."""

    name: str | None = None
    """Name of the run: its folder is `runs/NAME`. The recipe's own name when not given."""
    books: BooksOptions = field(default_factory=BooksOptions)
    questions: QuestionsOptions = field(default_factory=QuestionsOptions)
    tokenizer: TokenizerOptions = field(default_factory=TokenizerOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    pretrain: PretrainOptions = field(default_factory=PretrainOptions)
    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)
    index: IndexOptions = field(default_factory=IndexOptions)
    evaluate: EvaluateOptions = field(default_factory=EvaluateOptions)


def load_recipe(path: Path) -> dict[str, Any]:
    """A recipe file as nested dictionaries, with the paths of books and questions made whole.

    Raises UserError for a file that is missing, is not YAML, or holds something else than sections. Unknown names
    are found later, where they meet the options (`cli.main`).
    """
    import yaml

    text = read_utf8(path)
    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(
            f"{path}{where}: not valid YAML ({getattr(error, 'problem', None) or 'unreadable'})."
        ) from error
    if not isinstance(data, dict):
        raise UserError(f"{path}: a recipe is sections of options (books:, pretrain: …), not {type(data).__name__}.")
    for section, names in (("books", ("paths",)), ("questions", ("train", "test"))):
        options = data.get(section)
        for name in names:
            if isinstance(options, dict) and isinstance(options.get(name), list):
                options[name] = [_beside(path, str(entry)) for entry in options[name]]
    return data


def _beside(recipe: Path, entry: str) -> str:
    """A path counts from the recipe's folder, so that a recipe may lie with its books; `demo` is no path."""
    return entry if entry == DEMO else str((recipe.parent / Path(entry).expanduser()).resolve())


def saved_recipe(path: Path) -> Recipe:
    """The resolved recipe of a run folder. Raises UserError where its options are not those of this version."""
    data = load_recipe(path)
    recipe = Recipe(name=data.get("name"))
    try:
        for section in fields(Recipe):
            if isinstance(data.get(section.name), dict):
                kind = type(getattr(recipe, section.name))
                setattr(recipe, section.name, kind(**data[section.name]))
    except TypeError as error:
        raise UserError(f"{path}: {error}; the run is of another version, or the file was edited wrongly.") from error
    return recipe


def sections_of(*names: str) -> Any:
    """A dataclass with only these sections of `Recipe`: the options of a command that needs no others."""
    chosen = [each for each in fields(Recipe) if each.name in names]
    sections = [(each.name, each.type, field(default_factory=each.default_factory)) for each in chosen]
    made = make_dataclass("Options", sections, kw_only=True)
    made.__module__ = __name__  # cyclopts takes classes of the module `types` for built-in ones
    return made


def settle_paths(recipe: Recipe) -> None:
    """Make the paths of books and questions whole: those given on the command line count from the current folder."""
    for paths in (recipe.books.paths, recipe.questions.train, recipe.questions.test):
        paths[:] = [entry if entry == DEMO else str(Path(entry).expanduser().resolve()) for entry in paths]


def shared_options(stage: TrainOptions, train: TrainOptions) -> dict[str, Any]:
    """The training options of a stage: its own where given, else those under `train`, else the default."""
    default = asdict(TrainOptions())
    options = asdict(stage)
    for name, value in asdict(train).items():
        if options[name] == default[name]:
            options[name] = value
    return options
