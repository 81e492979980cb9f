"""What an editor offers to do about findings: the fixes they carry, accepting one with a reason, naming an owner."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from asof.compiler.diagnostics import RULES, Level
from asof.lsp.positions import Positions
from asof.lsp.rename import Edit, inserted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo

REASON = "say why"
NO_OWNER = "AS650"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An edit with a title. ``preferred`` is what one key stroke may do."""

    title: str
    finding: Diagnostic
    edit: Edit
    preferred: bool = False


def actions(found: Iterable[Diagnostic], repo: Repo | None, sources: Mapping[str, str]) -> Iterator[Action]:
    """What can be done about ``found``; ``sources`` are the texts that it was found in."""
    texts = {path: Positions(text) for path, text in sources.items()}
    for item in found:
        for fix in item.fixes:
            if fix.span.path in texts:
                start, end = texts[fix.span.path].extent(fix.span)
                title = _title(fix.title, fix.text)
                edit = Edit(path=fix.span.path, start=start, end=end, text=fix.text)
                yield Action(title=title, finding=item, edit=edit, preferred=fix.safe or len(item.fixes) == 1)
        if repo is not None and item.address in repo.definitions and item.address in repo.origins:
            yield from _added(item, repo, texts)


def _title(title: str, text: str) -> str:
    """``did you mean 'x'?`` is a question; an action says what it does."""
    return f"Write {text!r}" if title.startswith("did you mean") else title[:1].upper() + title[1:]


def _added(item: Diagnostic, repo: Repo, texts: Mapping[str, Positions]) -> Iterator[Action]:
    origin, definition = repo.origins[item.address], repo.definitions[item.address]
    positions = texts.get(origin.path)
    if positions is None:
        return
    if item.code == NO_OWNER:
        owner = _likely_owner(repo)
        edit = inserted(origin, positions, "owner", owner)
        yield Action(title=f"Add `owner: {owner}`", finding=item, edit=edit, preferred=True)
    rule = RULES.get(item.code)
    if rule is None or rule.level is Level.ERROR or item.code in dict(definition.allow):
        return
    title = f"Accept {item.code} on {definition.name}"
    node = origin.node_at("allow")
    if not definition.allow:
        edit = inserted(origin, positions, "allow", f"{{{item.code}: {REASON}}}")
    elif isinstance(node, yaml.MappingNode) and node.value:
        first, _ = positions.extent(origin.key("allow", str(node.value[0][0].value)))
        column = first - positions.line_start(first)
        after = ", " if node.flow_style else f"{positions.newline}{' ' * column}"
        edit = Edit(path=origin.path, start=first, end=first, text=f"{item.code}: {REASON}{after}")
    else:
        return
    yield Action(title=title, finding=item, edit=edit)


def _likely_owner(repo: Repo) -> str:
    """Who owns most of the repo; a placeholder where nobody owns anything."""
    owners = Counter(d.owner for d in repo.definitions.values() if d.owner)
    return owners.most_common(1)[0][0] if owners else "somebody"
