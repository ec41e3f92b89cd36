"""What the tests of adapters share."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Name the one warning that PEFT 0.21 itself raises with transformers 5.23."""
    config.addinivalue_line(
        "filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
    )
