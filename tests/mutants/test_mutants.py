"""Every mutant still applies to the builder as it is; ``make mutants`` shows that each dies."""

from __future__ import annotations

import pytest

from tests.mutants.__main__ import applies
from tests.mutants.catalogue import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    assert applies(mutant), f"{mutant.old!r} is no longer in {mutant.file}"
