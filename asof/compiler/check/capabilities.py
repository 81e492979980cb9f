"""What the language can say and nothing carries out yet: said while validating, where it was written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asof.compiler import support
from asof.compiler.diagnostics import Level
from asof.compiler.dialects import of_store
from asof.compiler.model import DataSource, FeatureView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo

_STREAMS = ("kafka", "kinesis", "push")


def check_capabilities(repo: Repo) -> Iterator[Diagnostic]:
    """Warnings for definitions that some target cannot compute yet.

    ``repo`` has no errors: references resolve. The verb that needs what is missing refuses with an error.
    """
    stores = sorted({target.offline.type for target in repo.project.targets})
    dialects = [dialect for store in stores if (dialect := of_store(store)) is not None]
    for address, definition in repo.definitions.items():
        if address in repo.others:
            continue
        if isinstance(definition, DataSource) and definition.type in _STREAMS:
            message = f"nothing reads {definition.type} yet: features come from its batch source alone"
            yield support.NO_STREAM.at(support.span_of(repo, address, "type"), message, address=address)
        if isinstance(definition, FeatureView):
            for dialect in dialects:
                for found in support.unsupported(repo, definition, dialect):
                    yield replace(found, level=Level.WARNING)
