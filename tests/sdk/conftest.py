from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sdk.shop import apply, make_shop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An applied feature repo with data."""
    root = make_shop(tmp_path / "shop")
    apply(root)
    return root
