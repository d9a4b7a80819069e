"""Finding the verb, help, version, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from handful.cli import main as module
from handful.cli.main import VERBS, main
from handful.errors import DataError


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(words: list[str], handful) -> None:
    code, out, _ = handful(*words)
    assert code == 0
    assert all(name in out for name in VERBS)


@pytest.mark.parametrize("words", [["data"], ["data", "--help"]])
def test_help_of_a_group_lists_its_commands(words: list[str], handful) -> None:
    code, out, _ = handful(*words)
    assert code == 0
    assert "data info" in out and "data convert" in out and "detect" not in out


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_command_explains_itself(name: str, handful) -> None:
    code, out, err = handful(*name.split(), "--help")
    assert code == 0, err
    assert f"usage: handful {name}" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["dtect"], "Did you mean 'detect'?"),
        (["data", "inf"], "Did you mean 'data info'?"),
        (["weights", "nonsense"], "weights convert"),
        (["--nonsense"], "no such command"),
        (["dtect", "--help"], "Did you mean 'detect'?"),
    ],
)
def test_an_unknown_command_is_one_line_and_code_2(words, hint: str, handful) -> None:
    code, out, err = handful(*words)
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and err.startswith("error: ") and hint in err


def test_a_wrong_option_is_code_2(handful) -> None:
    assert handful("detect", "a.png", "--nonsense", "1")[0] == 2


def test_version(handful) -> None:
    assert handful("--version")[1].startswith("handful ")


def _raising(error: BaseException):
    def run(words: list[str]) -> int:
        raise error

    return run


def test_debug_shows_where_an_error_arose(monkeypatch: pytest.MonkeyPatch, handful) -> None:
    monkeypatch.setattr(module, "run", _raising(DataError("no picture", file="a.png")))
    assert handful("detect") == (2, "", "error: no picture [a.png]\n")
    with pytest.raises(DataError):
        main(["detect", "--debug"])


def test_an_interruption_is_code_130(monkeypatch: pytest.MonkeyPatch, handful) -> None:
    monkeypatch.setattr(module, "run", _raising(KeyboardInterrupt()))
    assert handful("detect") == (130, "", "error: stopped\n")


def _modules_after(*words: str) -> str:
    code = (
        "import sys; from handful.cli.main import main; main(sys.argv[1:]);"
        "print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("words", [("--help",), ("detect", "--help"), ("evaluate", "--help")])
def test_help_needs_no_torch(words: tuple[str, ...]) -> None:
    loaded = _modules_after(*words).split("LOADED")[1].split()
    assert "handful" in loaded
    assert not {"torch", "numpy", "PIL", "timm"} & set(loaded)


def test_help_comes_at_once() -> None:
    # Processor time, so that a busy machine does not count.
    code = "import time; from handful.cli.main import main; main(['--help']);"
    code += "print(time.process_time())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) < 0.5


def test_importing_the_package_is_light() -> None:
    code = "import sys, handful; handful.__version__; print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
