"""Which of the two code bases a base detector of MPSR comes from."""

from __future__ import annotations

from handful.errors import ConfigError
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import Naming


def require_starting_point(base: MPSRConfig, wanted: Naming) -> None:
    """Raise ``ConfigError`` unless the settings of a ``base`` are of the starting point ``wanted``.

    A base of the authors was trained with other anchors and boxes than one of mmfewshot, which
    its weights do not tell once they are converted, but its card does.
    """
    if base.box_rule != wanted:
        raise ConfigError(
            "the base detector is of the other code base",
            field="starting_point",
            got=f"'{wanted}', with a base that counts boxes as '{base.box_rule}'",
            expected=f"'{base.box_rule}'",
            remedy=f"Say --starting-point {base.box_rule}, or give another base with --from",
        )
