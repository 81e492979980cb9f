"""The pages that are made from the code are current, and no finding lacks its page."""

import importlib
import pkgutil
from pathlib import Path

import asof.api
import asof.compiler
import asof.ops
import asof.registry
import asof.views
from asof.compiler.diagnostics import RULES
from asof.schema.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_what_the_schemas_say():
    written = {path.name: path.read_text() for path in (DOCS / "reference").glob("*.md")}
    assert written == dict(pages())


def test_every_finding_has_a_page_that_names_it():
    for package in (asof.compiler, asof.ops, asof.registry, asof.views):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    assert RULES
    for code in RULES:
        page = DOCS / "diagnostics" / f"{code}.md"
        assert page.is_file(), code
        assert page.read_text().startswith(f"# {code}"), code
