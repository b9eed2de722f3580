"""Points of the curves, read back from where a tracker keeps them."""

from pathlib import Path

import pytest

from shuoshu.errors import UserError
from shuoshu.train.track import tracking


def test_tensorboard_gets_every_point(tmp_path: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with tracking(["tensorboard"], tmp_path, "tiny pretrain", {"lr": 1e-3}) as track:
        assert track is not None
        for step in (1, 2, 3):
            track(step, {"loss": 4.0 - step, "bits_per_char": 2.0 * step})
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert [event.value for event in events.Scalars("bits_per_char")] == [2.0, 4.0, 6.0]


def test_nothing_is_opened_unasked(tmp_path: Path):
    with tracking([], tmp_path, "tiny pretrain", {}) as track:
        assert track is None
    assert not any(tmp_path.iterdir())


def test_a_tracker_that_is_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with (
        pytest.raises(UserError, match="wandb, which is not installed: pip install wandb"),
        tracking(["wandb"], tmp_path, "tiny pretrain", {}),
    ):
        pass
