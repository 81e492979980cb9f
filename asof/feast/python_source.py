"""Definitions in Python, read without running them: literal arguments of Feast's classes, and names given to them.

Sound, not complete. Constants, lists, dicts, arithmetic on numbers, `timedelta`, Feast's own classes and names bound to
such at the top of a module are understood. Everything else is not guessed at: the argument is left out and reported
with its place, and so is every call of a Feast class somewhere else (in a loop, a function, a condition).
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

from asof.feast.model import Entity, OnDemandView, Project, Service, Source, View
from asof.feast.python_objects import DECORATORS, SCALARS, changed, is_read, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_OBJECTS = (
    "Entity",
    "FeatureView",
    "BatchFeatureView",
    "StreamFeatureView",
    "LabelView",
    "FeatureService",
    "Project",
    *DECORATORS,
)
_DEEPEST = 100
# Feast reads these from data or has defaults for them; a note would only be noise.
_QUIET = frozenset(
    {"logging_config", "profiler", "udf", "feature_transformation", "batch_engine", "stream_engine", "conflict_policy"}
)

_NOT_RUN = (
    "Python",
    "was read without running it. What Feast infers from data is in a registry only: `feast apply` makes one, and to "
    "import that is exact",
)


class _Unread(Exception):  # noqa: N818 - an outcome
    """An expression that is not literal."""


def read(texts: Mapping[str, str], name: str) -> Project:
    """The project called ``name`` in ``texts``: path of a Python file -> its source."""
    reading = _Reading()
    trees: dict[str, ast.Module] = {}
    for path, text in sorted(texts.items()):
        try:
            trees[path] = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reading.tell(path, line, "the file is not Python that can be parsed")
    # A module may use what another one defines; a chain of imports is as long as there are modules.
    for _ in range(min(len(trees), 8) or 1):
        reading.restart()
        for path, tree in trees.items():
            reading.module(path, tree, texts[path])
    for path, tree in trees.items():
        reading.elsewhere(path, tree)
    return reading.project(name)


class _Reading:
    def __init__(self) -> None:
        self.values: dict[str, dict[str, object]] = {}
        """Path -> name -> what is bound to it."""
        self.entities: dict[str, Entity] = {}
        """Every entity that was made, those inside of a view too."""
        self.told: list[tuple[str, str]] = []
        self._kept: list[tuple[str, str]] = []
        self._seen: set[tuple[str, int, int]] = set()
        self._path, self._text = "", ""

    def restart(self) -> None:
        self.told = list(self._kept)

    def tell(self, path: str, line: int, text: str) -> None:
        self.told.append((f"{path}:{line}", text))
        if not self.values:
            self._kept.append(self.told[-1])

    def module(self, path: str, tree: ast.Module, text: str) -> None:
        self._path, self._text = path, text
        names = self.values.setdefault(path, {})
        for node in tree.body:
            match node:
                case ast.ImportFrom(module=str(module), names=imported):
                    for alias in imported:
                        self._import(names, module, alias.name, alias.asname or alias.name)
                case ast.Assign(targets=[ast.Name(id=target)], value=value):
                    self._bind(names, target, value)
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                    self._bind(names, target, value)
                case ast.FunctionDef(decorator_list=[ast.Call() as call]) if _called(call) in DECORATORS:
                    names[node.name] = self._decorated(node, call)

    def _import(self, names: dict[str, object], module: str, name: str, known_as: str) -> None:
        stem = module.rpartition(".")[2]
        homes = [v for path, v in self.values.items() if path.removesuffix(".py").rpartition("/")[2] == stem]
        for home in homes:
            if name in home:
                names[known_as] = home[name]

    def _bind(self, names: dict[str, object], target: str, value: ast.expr) -> None:
        try:
            if isinstance(value, ast.Call) and _called(value).endswith("Source"):
                names[target] = self._call(value, 0, name=target)
            else:
                names[target] = self._value(value, 0)
        except _Unread:
            names.pop(target, None)

    def _decorated(self, node: ast.FunctionDef, call: ast.Call) -> object:
        given = self._arguments(call, 0)
        given.setdefault("name", node.name)
        if "description" not in given and (doc := ast.get_docstring(node)):
            given["description"] = doc
        lines = self._text.splitlines()[node.decorator_list[0].lineno - 1 : node.end_lineno]
        self._seen.add((self._path, call.lineno, call.col_offset))
        return made(_called(call), [], given, "\n".join(lines))

    def _value(self, node: ast.expr, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _Unread
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=ast.Name(id="ValueType"), attr=name):
                return name
            case ast.Attribute(attr=name) if name in SCALARS:
                return SCALARS[name]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self._value(item, depth + 1) for item in items]
            case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
                # Keys are checked above; mypy does not follow the guard.
                return {self._key(k, depth): self._value(v, depth + 1) for k, v in zip(keys, values, strict=True) if k}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._number(operator.neg, self._value(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                a, b = self._value(left, depth + 1), self._value(right, depth + 1)
                return self._number(_ARITHMETIC[type(op)], a, b)
            case ast.Subscript(value=base, slice=index):
                return self._changed(self._value(base, depth + 1), "select", self._value(index, depth + 1))
            case ast.Call(
                func=ast.Attribute(value=base, attr="with_name" | "with_join_key_map" as method), args=[argument]
            ):
                return self._changed(self._value(base, depth + 1), method, self._value(argument, depth + 1))
            case ast.Call() if is_read(_called(node)):
                return self._call(node, depth)
        raise _Unread

    def _key(self, node: ast.expr, depth: int) -> Any:
        key = self._value(node, depth + 1)
        if not isinstance(key, str | int | float):
            raise _Unread
        return key

    def _name(self, name: str) -> object:
        if name in self.values[self._path]:
            return self.values[self._path][name]
        if name in SCALARS:
            return SCALARS[name]
        raise _Unread

    def _number(self, function: Callable[..., Any], *numbers: object) -> Any:
        plain = all(isinstance(n, int | float) and abs(n) < 1e15 for n in numbers)
        if not plain and not (function is operator.add and all(isinstance(n, str) for n in numbers)):
            raise _Unread
        try:
            return function(*numbers)
        except ArithmeticError:
            raise _Unread from None

    def _changed(self, base: object, method: str, argument: object) -> object:
        found = changed(base, method, argument)
        if found is None:
            raise _Unread
        return found

    def _call(self, node: ast.Call, depth: int, name: str = "") -> object:
        """``name``: what a source is called that has no readable name, table or path of its own."""
        known_as, name = name, _called(node)
        positional = [self._value(argument, depth + 1) for argument in node.args]
        given = self._arguments(node, depth)
        self._seen.add((self._path, node.lineno, node.col_offset))
        found = made(name, list(positional), dict(given))
        if found is None and known_as:
            found = made(name, positional, {"name": known_as, **given})
        if found is None:
            self.tell(self._path, node.lineno, f"{name}(...) says too little in literals to be carried over")
            raise _Unread
        if isinstance(found, Entity):
            self.entities.setdefault(found.name, found)
        return found

    def _arguments(self, node: ast.Call, depth: int) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.tell(
                    self._path, keyword.value.lineno, f"{_called(node)}(**...) is not read: write its arguments out"
                )
                continue
            try:
                given[keyword.arg] = self._argument(keyword, depth)
            except _Unread:
                if keyword.arg in _QUIET:
                    given[keyword.arg] = None
                    continue
                shown = ast.unparse(keyword.value)[:60]
                text = f"{keyword.arg} of {_called(node)}(...) is no literal and is left out: {shown}"
                self.tell(self._path, keyword.value.lineno, text)
        return given

    def _argument(self, keyword: ast.keyword, depth: int) -> Any:
        """A list keeps what can be read of it; what cannot is reported by itself."""
        if not isinstance(keyword.value, ast.List):
            return self._value(keyword.value, depth + 1)
        found = []
        for item in keyword.value.elts:
            try:
                found.append(self._value(item, depth + 1))
            except _Unread:
                text = f"an item of {keyword.arg} is no literal and is left out: {ast.unparse(item)[:60]}"
                self.tell(self._path, item.lineno, text)
        return found

    def elsewhere(self, path: str, tree: ast.Module) -> None:
        """Report definitions in places that are not read."""
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or _called(node) not in _OBJECTS:
                continue
            if (path, node.lineno, node.col_offset) not in self._seen:
                text = f"{_called(node)}(...) is not read: it is not bound to a name at the top of the module"
                self.tell(path, node.lineno, text)

    def project(self, name: str) -> Project:
        found: dict[tuple[type, str], Any] = {}
        for names in self.values.values():
            for value in names.values():
                if isinstance(value, Entity | Source | View | OnDemandView | Service | Project):
                    found.setdefault((type(value), value.name), value)
        for entity in self.entities.values():
            found.setdefault((Entity, entity.name), entity)
        about = next((p for (kind, _), p in sorted(found.items(), key=lambda i: i[0][1]) if kind is Project), None)

        def all_of(kind: type) -> tuple[Any, ...]:
            return tuple(value for (of, _), value in sorted(found.items(), key=lambda i: i[0][1]) if of is kind)

        return Project(
            name=name,
            description=about.description if about else "",
            owner=about.owner if about else "",
            tags=about.tags if about else (),
            entities=all_of(Entity),
            sources=all_of(Source),
            views=tuple(view for view in all_of(View) if view.kind != "label view"),
            labels=tuple(view for view in all_of(View) if view.kind == "label view"),
            on_demand=all_of(OnDemandView),
            services=all_of(Service),
            unread=(_NOT_RUN, *dict.fromkeys(self.told)),
        )


def _called(node: ast.Call) -> str:
    """The last part of the name of what is called: ``Entity`` for ``feast.Entity(...)``."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
