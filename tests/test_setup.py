"""The set-up script, run for real on a tiny checkout: real interpreter, real pip, a folder of wheels, no network."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BACKEND = """\
import shutil
from pathlib import Path

def build_editable(folder, config_settings=None, metadata_directory=None):
    return Path(shutil.copy("shuoshu-0.1-py3-none-any.whl", folder)).name
"""

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "shuoshu"
version = "0.1"

[project.optional-dependencies]
dev = []
"""


def write_wheel(folder: Path, name: str, version: str, *metadata: str) -> None:
    """Put the least wheel that installers accept into `folder`: one module that knows its version."""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{name}.py", f"__version__ = {version!r}\n")
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
        wheel.writestr(f"{info}/METADATA", "\n".join(head) + "\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{each},,\n" for each in [*wheel.namelist(), f"{info}/RECORD"]))


class Checkout:
    """A checkout with the real script and few, small dependencies, and the environment its commands run in."""

    def __init__(self, folder: Path, tool: str) -> None:
        self.root = folder / "a checkout"
        wheels, programs = folder / "wheels", folder / "programs"
        for each in (self.root / "scripts", wheels, programs):
            each.mkdir(parents=True)
        shutil.copy(ROOT / "scripts/setup.sh", self.root / "scripts")
        (self.root / "backend.py").write_text(BACKEND)
        (self.root / "pyproject.toml").write_text(PYPROJECT)
        (self.root / "constraints.txt").write_text("torch==2.13.0\nlamp==1.0\n")
        self.depend_on()
        for name, version in [("torch", "2.13.0+cpu"), ("torch", "2.15.0"), ("lamp", "1.0"), ("lamp", "2.0")]:
            write_wheel(wheels, name, version)
        if tool == "uv":
            (programs / "uv").symlink_to(str(shutil.which("uv")))
        self.environment = {
            "PATH": f"{programs}:{sys.base_prefix}/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            f"{tool.upper()}_FIND_LINKS": str(wheels),
            "PIP_NO_INDEX" if tool == "pip" else "UV_OFFLINE": "1",
        }

    def depend_on(self, *requirements: str) -> None:
        """Change what the extra `dev` asks for, as an edit of pyproject.toml does."""
        lines = [f"Requires-Dist: {each} ; extra == 'dev'" for each in requirements]
        write_wheel(self.root, "shuoshu", "0.1", "Provides-Extra: dev", *lines)
        (self.root / "pyproject.toml").write_text(PYPROJECT.replace("[]", str(list(requirements))))

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start the script from elsewhere, in a process group of its own."""
        return subprocess.Popen(
            ["sh", str(self.root / "scripts/setup.sh"), *words],
            cwd="/",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def setup(self, *words: str) -> tuple[int, str]:
        """Exit status and everything printed."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out + err

    def version_of(self, module: str) -> str:
        """The version that the new environment imports, or an empty string."""
        code = f"import {module}; print({module}.__version__)"
        done = subprocess.run([self.root / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.strip()


@pytest.fixture(params=["pip", "uv"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Checkout:
    if request.param == "uv" and not shutil.which("uv"):
        pytest.skip("uv is not installed")
    if (
        request.param == "pip"
        and subprocess.run([f"{sys.base_prefix}/bin/python3", "-c", "import ensurepip"]).returncode
    ):
        pytest.skip("the interpreter of this system has no venv module")
    return Checkout(tmp_path, request.param)


def test_setup_heals_after_a_kill_and_is_done_once(checkout: Checkout) -> None:
    process = checkout.start()
    stamp = checkout.root / ".venv/shuoshu-setup"
    while process.poll() is None and not stamp.exists():
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert stamp.read_text().startswith("unfinished")
    half = checkout.root / ".venv/half"
    half.touch()

    status, said = checkout.setup()
    assert status == 0, said
    assert not half.exists()
    assert checkout.version_of("torch") == "2.13.0+cpu"  # the wheel at hand, and not the newest

    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        assert checkout.setup() == (0, "")
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.1


def test_setup_follows_changes_and_moves(checkout: Checkout) -> None:
    status, said = checkout.setup()
    assert status == 0, said
    assert checkout.version_of("lamp") == ""

    mine = checkout.root / ".venv/mine"
    mine.touch()
    checkout.depend_on("nowhere")
    status, said = checkout.setup()
    assert status == 2
    assert said.splitlines()[-1].startswith("setup: the installation failed")

    checkout.depend_on("lamp")
    status, said = checkout.setup()
    assert status == 0, said
    assert checkout.version_of("lamp") == "1.0"
    assert mine.exists()  # brought up to date in place, after the failure too

    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    process = checkout.start()
    assert process.stderr is not None
    assert process.stderr.readline().startswith("setup: making .venv with")  # scripts in it point to the old place
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("found", ["Python 3.8.10", None])
def test_wrong_python_is_one_sentence(tmp_path: Path, found: str | None) -> None:
    checkout = Checkout(tmp_path, "pip")
    programs = tmp_path / "few programs"
    programs.mkdir()
    for name in ("sh", "env", "dirname", "cat", "cksum", "tr", "grep", "date", "rm"):
        (programs / name).symlink_to(str(shutil.which(name)))
    if found:
        (programs / "python3").write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {found} || exit 1\n')
        (programs / "python3").chmod(0o755)
    checkout.environment["PATH"] = str(programs)
    status, said = checkout.setup()
    assert status == 2
    assert said.splitlines()[-1] == (
        f"setup: Shuoshu needs Python 3.11 to 3.14, and python3 here is {found or 'absent'};"
        " install one of those, or uv, and call again."
    )
    assert not (checkout.root / ".venv").exists()


def test_unknown_word_is_one_sentence(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "pip")
    status, said = checkout.setup("tset")
    assert status == 2
    assert said == "setup: no such word: tset; there are setup, demo, test, lint, format and clean.\n"


@pytest.mark.parametrize("script", ["scripts/setup.sh", "scripts/constraints.sh"])
@pytest.mark.parametrize("shell", ["sh", "dash", "busybox"])
def test_scripts_parse(script: str, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    command = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
    assert subprocess.run([*command, ROOT / script], check=False).returncode == 0
