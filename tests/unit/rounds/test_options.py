"""What a request may change exists in the learner, and its defaults lie within the limits."""

from __future__ import annotations

import pytest

from core.learners.deep import DeepConfig
from core.learners.quick import QuickConfig
from core.services.round_requests import DEEP_OPTIONS, QUICK_OPTIONS


@pytest.mark.parametrize(
    ("options", "config"),
    [(QUICK_OPTIONS, QuickConfig()), (DEEP_OPTIONS, DeepConfig())],
    ids=["quick", "deep"],
)
def test_every_option_is_a_setting_of_the_learner_with_its_default_allowed(
    options: dict[str, tuple[float, float]], config: QuickConfig | DeepConfig
) -> None:
    for name, (low, high) in options.items():
        default = getattr(config, name)
        assert low <= default <= high
        assert isinstance(low, type(default))
