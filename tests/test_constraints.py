"""constraints.txt against pyproject.toml and against what the installed packages ask for."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [
    Requirement(line)
    for line in [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    if not line.startswith("shuoshu[")
]
# Each build of torch asks for its own packages of CUDA, by exact version.
FREE = re.compile("nvidia-|cuda-|triton")


def pin_of(name: str) -> str | None:
    """The version that holds for `name` on this machine."""
    for pin in PINS:
        if canonicalize_name(pin.name) == canonicalize_name(name) and (pin.marker is None or pin.marker.evaluate()):
            return next(iter(pin.specifier)).version
    return None


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_every_line_is_one_exact_pin(pin: Requirement) -> None:
    assert re.fullmatch(r"==[^*]+", str(pin.specifier))
    assert pin.url is None
    assert not FREE.match(pin.name)


def test_torch_is_the_release_with_a_cpu_wheel() -> None:
    assert pin_of("torch") == "2.13.0"


@pytest.mark.parametrize("wanted", DIRECT, ids=lambda wanted: wanted.name)
def test_direct_dependencies_are_pinned_in_their_range(wanted: Requirement) -> None:
    pinned = pin_of(wanted.name)
    assert pinned is not None, "run `make constraints`"
    assert wanted.specifier.contains(pinned)


def test_dependencies_of_dependencies_are_pinned_in_their_range() -> None:
    queue, seen = [*DIRECT], set[str]()
    while queue:
        wanted = queue.pop()
        if str(wanted) in seen or FREE.match(wanted.name):
            continue
        seen.add(str(wanted))
        pinned = pin_of(wanted.name)
        assert pinned is not None, f"{wanted} has no pin: run `make constraints`"
        assert wanted.specifier.contains(pinned), f"{wanted} does not admit {pinned}"
        try:
            lines = metadata.requires(wanted.name) or []
        except metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
        for each in map(Requirement, lines):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ["", *wanted.extras]):
                queue.append(each)
    assert len(seen) > len(DIRECT)


def test_nothing_installed_is_under_gpl() -> None:
    licences: dict[str, str] = {}
    for pin in PINS:
        try:
            about = metadata.metadata(pin.name)
        except metadata.PackageNotFoundError:  # of another system
            continue
        fields = {name: about.get_all(name, []) for name in ("License-Expression", "License", "Classifier")}
        # A whole licence text in the field names others in passing; its first line is its name.
        fields["License"] = [line for each in fields["License"] for line in each.strip().splitlines()[:1]]
        fields["Classifier"] = [each for each in fields["Classifier"] if each.startswith("License")]
        named = [each for field in fields.values() for each in field]
        licences[pin.name] = " ".join(named)
    assert licences["numpy"].strip()
    assert [name for name, licence in licences.items() if re.search(r"GPL|General Public", licence)] == []
