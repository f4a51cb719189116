"""Fixtures and settings for all tests."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from tests.ladders import Climb

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def climb() -> Callable[..., Climb]:
    """Climb a ladder (see `tests.ladders`) in all ways; every state printed on it is asserted."""
    return Climb
