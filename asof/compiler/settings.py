"""Where ``${env:NAME}`` may stand, and secrets that stand where they must not."""

from __future__ import annotations

import re

import yaml

from asof.compiler.diagnostics import Diagnostic, rule
from asof.compiler.secret_patterns import SECRET_IN_DSN, SECRET_IN_URL
from asof.compiler.yaml_reader import span_of, walk

ENVIRONMENT = rule("AS215", "a reference to the environment that cannot be")
LITERAL_SECRET = rule("AS216", "a secret is written down")

_REFERENCE = re.compile(r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_WORTH_A_LOOK = re.compile(r"\$|://|=")
_STARTED = re.compile(r"\$\{")


def stray_references(node: yaml.Node, path: str) -> tuple[Diagnostic, ...]:
    """``${env:...}`` in a definition: only target settings may depend on the machine."""
    note = ("only settings of a target in asof.yaml may take values from the environment",)
    return tuple(
        ENVIRONMENT.at(span_of(path, found), "`${env:...}` in a definition", notes=note)
        for found in _scalars(node)
        if "${env:" in found.value
    )


def setting_problems(node: yaml.Node, path: str) -> tuple[Diagnostic, ...]:
    """What is wrong with references and secrets in asof.yaml. No message repeats a value."""
    found: list[Diagnostic] = []
    for pointer, item in walk(node):
        if not isinstance(item, yaml.ScalarNode) or not _WORTH_A_LOOK.search(item.value):
            continue
        span = span_of(path, item)
        started = len(_STARTED.findall(item.value))
        if "${env:" in item.value and pointer[:1] != ("targets",):
            note = "only settings of a target may take values from the environment"
            found.append(ENVIRONMENT.at(span, "`${env:...}` outside of a target", notes=(note,)))
        elif started != len(_REFERENCE.findall(item.value)):
            found.append(ENVIRONMENT.at(span, "a reference to the environment is written ${env:NAME}"))
        elif SECRET_IN_URL.search(item.value) or SECRET_IN_DSN.search(item.value):
            note = "write ${env:NAME} in its place; asof reads it when it opens the connection"
            found.append(LITERAL_SECRET.at(span, f"`{pointer[-1]}` holds a password", notes=(note,)))
    return tuple(found)


def _scalars(node: yaml.Node) -> tuple[yaml.ScalarNode, ...]:
    return tuple(item for _, item in walk(node) if isinstance(item, yaml.ScalarNode))
