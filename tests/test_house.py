"""What holds for the repository as a whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import handful
from handful.cli.main import VERBS

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "handful").rglob("*.py"))
LONGEST_MODULE = 400
HELP_SECONDS = 0.5

SAYS_WHETHER_TORCH_CAME = """
import sys, time
{code}
sys.stderr.write(f"{{'torch' in sys.modules}} {{time.process_time()}}")
"""


def run_alone(code: str) -> tuple[bool, float]:
    """Return whether ``code``, in a process of its own, imported torch; and its CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", SAYS_WHETHER_TORCH_CAME.format(code=code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    imported, seconds = done.stderr.split()
    return imported == "True", float(seconds)


def test_opening_the_package_does_not_import_torch():
    assert not run_alone("import handful")[0]


@pytest.mark.parametrize("words", [[], ["detect"]], ids=["overview", "detect"])
def test_help_is_quick(words):
    code = f"from handful.cli.main import main; assert main({[*words, '--help']}) == 0"
    assert run_alone(code)[1] < HELP_SECONDS


def test_no_help_imports_torch():
    words = [[*name.split(), "--help"] for name in VERBS]
    code = f"from handful.cli.main import main; assert not any(main(one) for one in {words})"
    assert not run_alone(code)[0]


def test_every_public_name_can_be_had():
    for name in handful.__all__:
        assert getattr(handful, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = handful.nothing


def test_modules_are_short():
    lines = {str(file.relative_to(ROOT)): len(text_of(file).splitlines()) for file in MODULES}
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


def test_versions_agree():
    stated = project()["version"]
    first_in_changelog = re.search(r"^## (\S+)", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert handful.__version__ == stated
    assert first_in_changelog is not None and first_in_changelog[1] == stated


# Written in parts, so that this file does not hold what it looks for.
FORBIDDEN = {
    "address of a package registry": r"(py[p]i|python[h]osted|npm[j]s|ana[c]onda)" + r"\.(org|com)",
    "index of PyTorch builds": r"pytorch\.org/" + "whl",
    "path of one machine": r"(?<![\w.~])/" + r"(root|home|work|tmp|opt|Users)/\w",
}
PLACES = ("handful", "tests", "docs", "benchmarks", ".ci")
BINARY = {".npz", ".npy", ".png", ".jpg", ".safetensors", ".pth", ".mat", ".pyc"}


def own_files() -> list[Path]:
    inside = (file for place in PLACES for file in (ROOT / place).rglob("*"))
    at_top = (ROOT / name for name in tracked_at_top())
    return [file for file in (*at_top, *inside) if file.is_file() and file.suffix not in BINARY]


def tracked_at_top() -> list[str]:
    plain = [file.name for file in ROOT.iterdir() if not file.name.startswith(".")]
    return [".gitignore", *plain]


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_names(kind):
    pattern = re.compile(FORBIDDEN[kind])
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in own_files()
        for match in pattern.finditer(text_of(file))
    ]
    assert found == []


def test_constraints_are_names_with_one_version():
    lines = text_of(ROOT / "constraints.txt").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)] == []
    assert len({canonicalize_name(line.split("==")[0]) for line in lines}) == len(lines)


def test_constraints_satisfy_every_requirement():
    pinned = dict(line.split("==") for line in text_of(ROOT / "constraints.txt").splitlines())
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    for requirement in requirements("dependencies", "viz", "dev"):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_every_dependency_is_imported_and_every_import_is_a_dependency():
    owners = metadata.packages_distributions()
    imported = {
        canonicalize_name(owner)
        for module in imported_modules()
        for owner in owners.get(module, [module])
    }
    base, all_listed = (
        {canonicalize_name(requirement.name) for requirement in requirements(*groups)}
        for groups in (("dependencies",), ("dependencies", "viz", "dev"))
    )
    assert base - imported == set()
    assert imported - all_listed == set()


@cache
def project() -> dict:
    return tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]


def requirements(*groups: str) -> list[Requirement]:
    lists = {"dependencies": project()["dependencies"], **project()["optional-dependencies"]}
    return [Requirement(line) for group in groups for line in lists[group]]


def imported_modules() -> set[str]:
    """Return the top names of all imported modules that are neither ours nor Python's own."""
    names: set[str] = set()
    for file in MODULES:
        for node in ast.walk(ast.parse(text_of(file))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"handful"}


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")
