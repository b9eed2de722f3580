"""The API against its own description: schemathesis makes requests, good and bad, and looks at the replies."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from page_runs import make_run
from tiny import random_model

from shuoshu.answer.ask import Storyteller
from shuoshu.answer.index import build_index
from shuoshu.books.chapter import Chapter
from shuoshu.recipe import IndexOptions
from shuoshu.serve.app import build_app, make_gate
from shuoshu.serve.guard.headers import App
from shuoshu.serve.guard.keys import Keys
from shuoshu.serve.narrator import narrators
from shuoshu.serve.options import ServeOptions
from shuoshu.tokenizer import Tokenizer

EXAMPLES = 20
ROUTES = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/{model}",
    "/healthz",
    "/readyz",
    "/metrics",
]
GOOD, BAD = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
quietly = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module")
def app(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The API of a run with an index, whose model has room for the longest texts that schemathesis makes."""
    folder = tmp_path_factory.mktemp("openapi") / "run"
    make_run(folder, tokenizer, random_model(tokenizer, max_position_embeddings=4096))
    text = "第一回 灯\n江上有一盏灯。灯下有人说书。\n"
    build_index([Chapter(book="灯", number=1, title="第一回 灯", text=text, start=0)], folder / "index", IndexOptions())
    options = ServeOptions(page=False, max_new_tokens=32)
    served = narrators([Storyteller(folder)])
    served[0].load()
    yield build_app(served, make_gate(served, options), options, Keys())
    served[0].close()


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("mode", [GOOD, BAD], ids=["good", "bad"])
def test_replies_are_as_described(app: App, path: str, mode: schemathesis.GenerationMode) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path]["POST" if "completions" in path else "GET"]
    if mode is BAD and not (operation.body or operation.path_parameters):
        pytest.skip("nothing can be wrong with a request that has no parts")

    @quietly
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate()

    ask()


def test_every_route_is_described_and_has_examples(app: App) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    assert sorted(schema.raw_schema["paths"]) == sorted(ROUTES)
    for path in ROUTES[:2]:
        body = schema.raw_schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert len(body["examples"]) >= 2
        for example in body["examples"].values():
            case = schema[path]["POST"].Case(body=example["value"], media_type="application/json")
            assert case.call_and_validate().status_code == 200
