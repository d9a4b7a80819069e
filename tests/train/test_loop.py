from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from handful.errors import WeightsError
from handful.train.loop import take_step, train


def batches(start: int) -> Iterator[Tensor]:
    """Yield inputs that depend on the step alone."""
    step = start
    while True:
        yield torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        step += 1


def make() -> tuple[nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def halving(step: int) -> float:
    return 0.5**step


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = 0

    def start(self, task: str, total: int | None) -> None: ...

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        self.steps += steps

    def finish(self, task: str) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(steps: int, checkpoint: Path | None = None, **options: object) -> nn.Linear:
    model, optimizer = make()

    def loss(batch: Tensor) -> dict[str, Tensor]:
        noise = torch.rand(4, 1)
        return {"total": ((model(batch) - batch.sum(1, keepdim=True)) * noise).square().mean()}

    torch.manual_seed(1)
    train(model, batches, loss, optimizer=optimizer, steps=steps, checkpoint=checkpoint, **options)  # type: ignore[arg-type]
    return model


def test_resumed_training_ends_where_uninterrupted_training_ends(tmp_path: Path) -> None:
    whole = run(10, schedule=halving)
    run(6, tmp_path / "last.pt", schedule=halving)
    resumed = run(10, tmp_path / "last.pt", schedule=halving)
    assert torch.equal(resumed.weight, whole.weight)
    assert not torch.equal(run(9, schedule=halving).weight, whole.weight)


def test_resuming_is_told_and_a_finished_run_does_nothing(tmp_path: Path) -> None:
    notes = Notes()
    first = run(4, tmp_path / "last.pt")
    again = run(4, tmp_path / "last.pt", reporter=notes)
    assert torch.equal(first.weight, again.weight)
    assert notes.steps == 0
    assert notes.notes == ["resumed at step 4 from last.pt"]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"cos\nsystem\n(S'true'\ntR."])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(WeightsError, match="last.pt"):
        run(2, tmp_path / "last.pt")


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    run(2, tmp_path / "last.pt")
    other = nn.Linear(5, 1)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    with pytest.raises(WeightsError, match="cannot resume"):
        train(
            other,
            batches,
            lambda batch: {"total": batch.sum()},
            optimizer=optimizer,
            steps=3,
            checkpoint=tmp_path / "last.pt",
        )


def test_a_step_with_nan_changes_nothing_and_is_noted() -> None:
    model, optimizer = make()
    before, notes = model.weight.clone(), Notes()

    def loss(batch: Tensor) -> dict[str, Tensor]:
        return {"total": model(batch).sum() * float("nan")}

    skipped = train(model, batches, loss, optimizer=optimizer, steps=2, reporter=notes)
    assert skipped == 2
    assert torch.equal(model.weight, before)
    assert notes.notes[0] == "step 0 skipped: its gradient is not finite"


def test_the_gradient_is_reported_whole_and_applied_clipped() -> None:
    model, _ = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    figures = take_step(
        model, {"total": model(torch.full((1, 3), 100.0)).sum()}, optimizer, clip=2.0
    )
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert figures["gradient"] == pytest.approx((3 * 100.0**2 + 1) ** 0.5, rel=1e-4)
    assert (after - before).norm().item() == pytest.approx(2.0, rel=1e-4)


def test_the_schedule_scales_the_learning_rate() -> None:
    model, optimizer = make()
    rates: list[float] = []
    train(
        model,
        batches,
        lambda batch: {"total": model(batch).sum()},
        optimizer=optimizer,
        steps=3,
        schedule=halving,
        on_step=lambda step, figures: rates.append(optimizer.param_groups[0]["lr"]),
    )
    assert rates == pytest.approx([0.1, 0.05, 0.025])
