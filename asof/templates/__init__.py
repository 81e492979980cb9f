"""Text we emit that is not SQL: Jinja2 templates, rendered strictly (an unknown name is an error)."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def scaffold(project: str) -> dict[str, str]:
    """The files of a new repo by path: those of ``init/`` with the project's name filled in."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    root = files("asof.templates").joinpath("init")
    made = {
        "asof.yaml": "asof.yaml.j2",
        "features.yaml": "features.yaml.j2",
        "README.md": "README.md.j2",
        ".gitignore": "gitignore.j2",
        "data/orders.csv": "data/orders.csv",
        "data/spine.csv": "data/spine.csv",
    }
    return {
        path: environment.from_string(root.joinpath(source).read_text(encoding="utf-8")).render(project=project)
        for path, source in made.items()
    }


def ci(template: str, values: Mapping[str, str]) -> str:
    """A file of ``ci/`` with ``values`` filled in, at ``[[ name ]]``: braces are for the CI systems themselves."""
    environment = Environment(
        loader=PackageLoader("asof.templates", "ci"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML
        variable_start_string="[[",
        variable_end_string="]]",
    )
    # Macros see no values of the template that calls them, and need none.
    shell = environment.get_template("shell.j2").module
    return environment.get_template(template).render(values, shell=shell)


def report_part(name: str) -> str:
    """A style sheet or script of the HTML report, as it stands."""
    return files("asof.templates").joinpath("report", name).read_text(encoding="utf-8")


def report_page(*, plain: Callable[[str], str], style: str, script: str, **values: object) -> str:
    """The HTML report. Every text but the page's own style and script goes through ``plain`` and is escaped."""

    def shown(value: object) -> object:
        return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = Environment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=shown
    )
    template = environment.from_string(report_part("report.html.j2"))
    return template.render(style=style, script=script, **values)


def graph(project: str, data: str) -> str:
    """The page that draws a graph; ``data`` is JSON that is safe inside of a script element."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=True)
    page = files("asof.templates").joinpath("graph.html.j2").read_text(encoding="utf-8")
    return environment.from_string(page).render(project=project, data=Markup(data))  # noqa: S704 - escaped by the view
