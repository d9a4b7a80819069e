import pytest

from handful.data.synthetic import ShelfRecipe
from handful.errors import ConfigError


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("part", "nove", "Did you mean 'novel'"),
        ("style", "nigth", "Did you mean 'night'"),
        ("settings", ("tabel",), "Did you mean 'table'"),
        ("settings", (), "Known: pile"),
        ("scenes", -1, "0 or more"),
        ("classes", 0, "1 or more"),
        ("look_alike", 0, "1 or more"),
        ("width", 20, "64 pixels"),
        ("max_occlusion", 1.0, "below 1"),
        ("turn", 75, "0 to 60"),
        ("objects", (9, 3), "the smaller"),
        ("scale", (0.0, 2.0), "the smaller"),
        ("side", 400, "fit into the picture"),
    ],
)
def test_a_senseless_value_is_refused_by_name(field, value, remedy):
    with pytest.raises(ConfigError) as caught:
        ShelfRecipe(**{field: value})
    assert caught.value.field == field
    assert remedy in str(caught.value)
