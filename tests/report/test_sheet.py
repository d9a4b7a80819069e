import pytest
from PIL import Image

from handful.errors import DataError
from handful.report.sheet import contact_sheet

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]


def pictures(count, size=(80, 40)):
    return [Image.new("RGB", size, colour) for colour in COLOURS[:count]]


@pytest.mark.parametrize(
    ("count", "columns", "size"),
    [(1, None, (120, 70)), (2, None, (230, 70)), (4, None, (230, 130)), (5, 2, (230, 190))],
)
def test_cells_stand_in_rows(count, columns, size):
    sheet = contact_sheet(pictures(count), columns=columns, cell=(100, 50))
    assert sheet.size == size


def test_each_picture_is_centred_in_its_cell_and_not_cropped():
    sheet = contact_sheet(pictures(4), cell=(100, 50))
    for index, colour in enumerate(COLOURS[:4]):
        middle = (10 + index % 2 * 110 + 50, 10 + index // 2 * 60 + 25)
        assert sheet.getpixel(middle) == colour
    tall = contact_sheet(pictures(1, (10, 100)), cell=(100, 50))
    assert [tall.getpixel((x, 35)) == COLOURS[0] for x in (56, 60, 64)] == [False, True, False]


def test_captions_take_room_below_and_long_ones_are_cut():
    plain = contact_sheet(pictures(2), cell=(100, 50))
    named = contact_sheet(pictures(2), cell=(100, 50), captions=["tea", "a very long name " * 9])
    assert named.height > plain.height
    gap = named.crop((plain.width - 10, 0, plain.width, named.height))
    assert len(gap.getcolors()) == 1


@pytest.mark.parametrize(("count", "captions"), [(0, []), (2, ["one"])])
def test_no_pictures_or_too_few_captions_are_refused(count, captions):
    with pytest.raises(DataError, match="contact sheet"):
        contact_sheet(pictures(count), captions=captions)
