"""A run folder: where each stage of a run keeps its things."""

from dataclasses import dataclass
from pathlib import Path

from shuoshu.errors import UserError
from shuoshu.files import read_utf8
from shuoshu.recipe import FORMAT


@dataclass(frozen=True)
class RunFolder:
    """`runs/NAME/`, or a bare Hugging Face model folder, which is a run with nothing but a model."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def recipe(self) -> Path:
        """The options of this run, fully resolved."""
        return self.path / "recipe.yaml"

    @property
    def chapters(self) -> Path:
        """What the books became."""
        return self.path / "books" / "chapters.jsonl"

    @property
    def tokenizer(self) -> Path:
        """Folder of the tokenizer."""
        return self.path / "tokenizer"

    @property
    def index(self) -> Path:
        """Folder of the search index."""
        return self.path / "index"

    def questions(self, part: str) -> Path:
        """Question file of a part: train, valid or test."""
        return self.path / "questions" / f"{part}.jsonl"

    def model(self) -> Path:
        """The model that answers: the fine-tuned one, else the base model, else the folder itself."""
        if found := self._models():
            return found[0]
        raise UserError(f"{self.path} holds no model yet; train one with `shuoshu run RECIPE.yaml`.")

    def has_model(self) -> bool:
        """Whether `model` finds one."""
        return bool(self._models())

    def _models(self) -> list[Path]:
        folders = (self.path / "finetune" / "model", self.path / "pretrain" / "model", self.path)
        return [folder for folder in folders if (folder / "config.json").is_file()]

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run or model folder. Raises UserError if it is none, or of another version of Shuoshu."""
        if not path.is_dir():
            raise UserError(f"{path} is not there; give a run folder (runs/NAME) or a model folder.")
        folder = cls(path)
        if folder.recipe.is_file():
            folder.check_format()
        elif not (path / "config.json").is_file() and not (path / "books").is_dir():
            raise UserError(f"{path} is neither a run folder (no recipe.yaml) nor a model folder (no config.json).")
        return folder

    def check_format(self) -> None:
        """Raises UserError when the run folder was made by a version that keeps things differently."""
        first = read_utf8(self.recipe).partition("\n")[0]
        if first != format_line():
            raise UserError(
                f"{self.recipe}: the run is of another version of Shuoshu (its first line is not {format_line()!r}); "
                "start a new run with --name, or use the version that made it."
            )


def make_again(index: Path) -> str:
    """What to do about a broken index folder of a run: while it stands, `shuoshu run` takes it for done."""
    return f"delete {index} and make it again with `shuoshu index {index.parent}`"


def format_line() -> str:
    """First line of every `recipe.yaml` in a run folder."""
    return f"# shuoshu run, format {FORMAT}"
