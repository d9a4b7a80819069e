from pathlib import Path

import pytest
from tiny_detector import logo, save_tiny_weights, scene

from handful.cli.main import main


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a shelf, a folder of shelves, and crops."""
    (tmp_path / "shelves" / "left").mkdir(parents=True)
    scene((1, 8, 32), (2, 128, 64), (1, 80, 0)).save(tmp_path / "shelf.png")
    scene((1, 8, 32)).save(tmp_path / "shelves" / "a.png")
    scene().save(tmp_path / "shelves" / "left" / "b.png")
    logo(1).save(tmp_path / "one.png")
    logo(2).save(tmp_path / "two.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def handful(capsys: pytest.CaptureFixture[str]):
    """Run a command as a user would; gives exit code, what it printed, and its complaints."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run
