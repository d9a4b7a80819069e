import torch

from handful.methods.yolox.boxes import decoded_boxes


def test_a_box_lies_around_its_cell_without_an_offset_of_half():
    cells, strides = torch.tensor([[1.0, 2.0]]), torch.tensor([8.0])
    zero = torch.zeros(1, 1, 4)
    assert decoded_boxes(zero, cells, strides).tolist() == [[[4, 12, 12, 20]]]
    moved = torch.tensor([[0.5, -1.0, torch.tensor(2.0).log(), 0.0]])
    torch.testing.assert_close(
        decoded_boxes(moved, cells, strides), torch.tensor([[4.0, 4.0, 20.0, 12.0]])
    )


def test_half_precision_is_decoded_in_full():
    values = torch.tensor([[0.0, 0.0, 11.0, 11.0]], dtype=torch.float16)
    boxes = decoded_boxes(values, torch.zeros(1, 2), torch.tensor([32.0]))
    assert boxes.dtype == torch.float32 and boxes.isfinite().all()
