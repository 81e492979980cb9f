"""The proof that a query cannot leak, made by walking its finished syntax tree.

The walk knows three kinds of relation: rows of a source, each with the column that witnesses its event time;
questions, each row of which belongs to one row of the spine; and time lines, the union of both. Source
rows reach a question only past a predicate or a frame that bounds their witness by the question's instant.
Whatever the walk does not recognise is a leak: it proves, it does not search for mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.certificate_terms import (
    BEYOND_THE_FRAME,
    Term,
    conjuncts,
    flipped,
    frame_end,
    microseconds,
    rows_end,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """How rows of a source say when they may be seen: ``event`` holds ``field``; ``delay`` in microseconds.

    ``created`` is the column that must be past as well, "" where visibility is a matter of event time alone.
    """

    event: str
    field: str
    delay: int = 0
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the definitions say about a query: its spine, and which tables hold rows of sources."""

    spine: str
    row: str
    instant: str
    sources: Mapping[str, Witness]
    stages: frozenset[str] = frozenset()
    """Tables that certified statements have made: features by the spine's row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Every path from these tables of rows to the output is bounded: (table, how), in order."""

    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A path that is not proven: the tables from the output inwards, and what is missing there."""

    path: tuple[str, ...]
    reason: str


class Unproven(Exception):  # noqa: N818 - it is an answer on its way out, not a failure
    """Raised inside the walk only."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a relation.

    ``row``: the column that names the spine's row; ``times``: column -> microseconds that it surely lies before
    that row's instant. ``exposed``: sources whose rows stand here unbounded -> (witness, its column, created column).
    ``clock``: of a time line, the column by which rows and questions stand in order.
    """

    row: str = ""
    times: Mapping[str, int] = field(default_factory=dict)
    exposed: Mapping[str, tuple[Witness, str, str]] = field(default_factory=dict)
    clock: str = ""
    raw: bool = False
    data: bool = False
    loose: bool = False
    """Rows without a spine row (the events of a time line) still stand among the questions."""
    bound: str = ""
    """A lateral relation belongs to this alias of the query around it."""


def certify(tree: exp.Query, claim: Claim) -> Certificate | Leak:
    """Prove ``tree`` free of leakage under ``claim``, or say where the proof ends."""
    walk = _Walk(claim)
    try:
        state = walk.query(tree, {}, {}, outermost=True)
        if state.raw or state.exposed:
            raise Unproven("rows of a source reach the output")
    except Unproven as error:
        return Leak(path=("output", *error.path), reason=error.reason)
    return Certificate(paths=tuple(sorted(set(walk.paths))))


class _Walk:
    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.paths: list[tuple[str, str]] = []

    def query(
        self, query: exp.Expr, ctes: Mapping[str, State], outer: Mapping[str, State], *, outermost: bool = False
    ) -> State:
        known = dict(ctes)
        with_ = query.args.get("with_")
        if with_ is not None:
            if with_.recursive:
                raise Unproven("recursion is not followed")
            for cte in with_.expressions:
                known[cte.alias] = self._cte(cte, known)
        if isinstance(query, exp.Union):
            return self._union(query, known, outer)
        if isinstance(query, exp.Select):
            return self._select(query, known, outer, outermost)
        raise Unproven(f"{type(query).__name__} is not followed")

    def _cte(self, cte: exp.CTE, known: Mapping[str, State]) -> State:
        name = cte.alias
        try:
            if name == self.claim.spine:
                return State(row=self.claim.row, times={self.claim.instant: 0})
            if name in self.claim.sources:
                return self._rows(name, cte.this, known)
            return self.query(cte.this, known, {})
        except Unproven as error:
            error.path = (name, *error.path)
            raise

    def _rows(self, name: str, query: exp.Expr, known: Mapping[str, State]) -> State:
        """Rows of a source: what they read must be raw, and the witness must be the declared time."""
        witness = self.claim.sources[name]
        selected = (
            {item.alias_or_name: item.unalias() for item in query.selects} if isinstance(query, exp.Select) else {}
        )
        event = selected.get(witness.event)
        if event is None or {column.name for column in event.find_all(exp.Column)} != {witness.field}:
            raise Unproven(f"{witness.event} is not the declared event time {witness.field}")
        for table in query.find_all(exp.Table):
            state = known.get(table.name)
            if state is not None and (state.exposed or state.clock or state.data):
                raise Unproven(f"{table.name} has been through the builder already")
        return State(exposed={name: (witness, witness.event, witness.created)})

    def _relation(self, item: exp.Expr, known: Mapping[str, State], outer: Mapping[str, State]) -> State:
        if isinstance(item, exp.Table):
            if item.db or not isinstance(item.this, exp.Identifier):
                return State(raw=True)
            if item.name in self.claim.stages and item.name not in known:
                return State(row=self.claim.row, data=True)
            return known.get(item.name, State(raw=True))
        if isinstance(item, exp.Subquery | exp.Lateral):
            inner = (
                item.this.this if isinstance(item, exp.Lateral) and isinstance(item.this, exp.Subquery) else item.this
            )
            return self.query(inner, known, outer if isinstance(item, exp.Lateral) else {})
        raise Unproven(f"{type(item).__name__} in FROM is not followed")

    # --- one SELECT ---------------------------------------------------------------------------------------------

    def _select(
        self, query: exp.Select, known: Mapping[str, State], outer: Mapping[str, State], outermost: bool
    ) -> State:
        scope, conditions = self._scope(query, known, outer)
        self._subqueries(query, known)
        states = list(scope.values())
        if any(state.raw for state in states):
            if len({*map(_plain_raw, states)}) > 1:
                raise Unproven("rows of a source meet questions without an event time")
            return State(raw=True)
        if any(state.clock for state in states):
            if len(states) > 1:
                raise Unproven("a time line is joined before its frames are taken")
            return self._frames(query, states[0])
        anchor = self._anchor(scope, outer, conditions)
        scope = {
            alias: self._seen(alias, state, scope | dict(outer), conditions, anchor) for alias, state in scope.items()
        }
        return self._projected(query, scope, anchor, outer, outermost)

    def _scope(
        self, query: exp.Select, known: Mapping[str, State], outer: Mapping[str, State]
    ) -> tuple[dict[str, State], list[tuple[str, exp.Expr]]]:
        """Aliases, and conditions with the alias they are sure to restrict ("" for all)."""
        scope: dict[str, State] = {}
        conditions: list[tuple[str, exp.Expr]] = []
        from_ = query.args.get("from_")
        if from_ is not None:
            scope[from_.this.alias_or_name] = self._relation(from_.this, known, {})
        for join in query.args.get("joins") or []:
            if (
                join.side.upper() not in ("", "LEFT")
                or join.kind.upper() not in ("", "INNER", "CROSS")
                or join.args.get("using")
            ):
                raise Unproven(f"a {join.side or join.kind} JOIN keeps rows that its condition does not bound")
            alias = join.this.alias_or_name
            scope[alias] = self._relation(join.this, known, {**outer, **scope})
            only = alias if join.side.upper() == "LEFT" else ""
            conditions += [(only, term) for term in conjuncts(join.args.get("on"))]
        where = query.args.get("where")
        conditions += [("", term) for term in conjuncts(where.this if where is not None else None)]
        return scope, conditions

    def _subqueries(self, query: exp.Select, known: Mapping[str, State]) -> None:
        """Subqueries in expressions may look at the spine, never at rows of a source."""
        clauses = [
            *query.expressions,
            *(query.args.get(name) for name in ("where", "having", "qualify", "order", "group")),
        ]
        clauses += [join.args.get("on") for join in query.args.get("joins") or []]
        for clause in clauses:
            for inner in clause.find_all(exp.Query) if clause is not None else ():
                if isinstance(inner, exp.Subquery):
                    continue
                state = self.query(inner, known, {})
                if state.raw or state.exposed or state.data or state.clock:
                    raise Unproven("a subquery in an expression reads rows of a source")

    def _anchor(
        self, scope: Mapping[str, State], outer: Mapping[str, State], conditions: Iterable[tuple[str, exp.Expr]]
    ) -> set[str]:
        """The aliases that all belong to one row of the spine."""
        owned = {alias for alias, state in {**outer, **scope}.items() if state.row or state.bound}
        if not owned:
            return set()
        first = next(alias for alias in {**outer, **scope} if alias in owned)
        linked, grown = {first}, True
        everything = {**outer, **scope}
        pairs = [pair for _, term in conditions if (pair := _row_equality(term, everything))]
        pairs += [(alias, everything[alias].bound) for alias in owned if everything[alias].bound]
        while grown:
            grown = False
            for left, right in pairs:
                if (left in linked) != (right in linked):
                    linked |= {left, right}
                    grown = True
        if owned - linked:
            raise Unproven(f"{', '.join(sorted(owned - linked))} is not joined on the spine's row")
        return linked

    def _seen(
        self,
        alias: str,
        state: State,
        scope: Mapping[str, State],
        conditions: list[tuple[str, exp.Expr]],
        anchor: set[str],
    ) -> State:
        """``state`` once its exposed rows are bounded by the instant of the anchor, if there is one."""
        if not state.exposed or not anchor:
            return state
        times = dict(state.times)
        for name, (witness, event, created) in state.exposed.items():
            distance = self._bound(alias, event, scope, conditions, anchor)
            if distance is None:
                raise Unproven(f"the event time of {name} is not bounded by the question's instant")
            if distance < witness.delay:
                raise Unproven(f"the delay of {name} is not kept")
            if witness.created and (self._bound(alias, created, scope, conditions, anchor) is None):
                raise Unproven(f"the created time of {name} is not bounded by the question's instant")
            times[event] = distance
            self.paths.append((name, f"{event} at least {distance} microseconds before the instant"))
        return replace(state, exposed={}, times=times, data=True)

    def _bound(
        self,
        alias: str,
        column: str,
        scope: Mapping[str, State],
        conditions: list[tuple[str, exp.Expr]],
        anchor: set[str],
    ) -> int | None:
        """The surest distance by which ``alias.column`` lies before the anchor's instant; None if it need not."""
        found: list[int] = []
        for only, term in conditions:
            for left, right in flipped(term):
                if only in ("", alias) and column and Term.of(left) == Term(alias, column, 0):
                    other = Term.of(right)
                    if other is not None and other.table in anchor and other.table != alias:
                        known = scope[other.table].times.get(other.column)
                        if known is not None and known + other.back >= 0:
                            found.append(known + other.back)
        return max(found, default=None)

    # --- what comes out of a SELECT -----------------------------------------------------------------------------

    def _projected(
        self,
        query: exp.Select,
        scope: Mapping[str, State],
        anchor: set[str],
        outer: Mapping[str, State],
        outermost: bool,
    ) -> State:
        data = any(state.data for state in scope.values())
        loose = any(state.loose for state in scope.values()) and len(scope) == 1 and not _keeps_rows(query, scope)
        row, times, exposed = self._columns(query, scope)
        if not anchor:
            shrinks = any(query.args.get(clause) for clause in ("group", "having", "qualify", "distinct", "limit"))
            calls = any(item.find(exp.AggFunc, exp.Window) for item in query.expressions)
            if exposed and (shrinks or calls):
                raise Unproven("rows of a source are aggregated before they are bounded")
            return State(exposed=exposed)
        if not data:
            aggregated = query.args.get("group") is not None or _aggregates(query)
            return State() if aggregated else State(row=row, times=times)
        belongs = anchor & set(outer)
        self._grain(query, scope, bool(belongs))
        if belongs:
            return State(data=True, times=times, bound=next(iter(belongs)))
        if not row and not outermost:
            raise Unproven("the spine's row is dropped, so nothing says whose values these are")
        if outermost and loose:
            raise Unproven("events of a time line reach the output")
        return State(row=row, times=times, data=True, loose=loose)

    def _columns(
        self, query: exp.Select, scope: Mapping[str, State]
    ) -> tuple[str, dict[str, int], dict[str, tuple[Witness, str, str]]]:
        """The row, the times and the witnesses among the output columns."""
        row, times, renamed = "", dict[str, int](), dict[tuple[str, str], str]()
        sole = next(iter(scope)) if len(scope) == 1 else ""
        for item in query.expressions:
            if isinstance(item, exp.Star) and sole:
                row, times = scope[sole].row, dict(scope[sole].times)
                renamed |= {
                    (sole, c): c for _, event, created in scope[sole].exposed.values() for c in (event, created)
                }
                continue
            value = item.unalias()
            value = value.this if isinstance(value, exp.Max | exp.Min) else value
            term = Term.of(value)
            if term is None:
                continue
            state = scope.get(term.table or sole)
            if state is None:
                continue
            if state.row and term.column == state.row and not term.back and value is item.unalias():
                row = item.alias_or_name
            if term.column in state.times and state.times[term.column] + term.back >= 0:
                times[item.alias_or_name] = state.times[term.column] + term.back
            if not term.back:
                renamed[term.table or sole, term.column] = item.alias_or_name
        exposed = {
            name: (witness, renamed.get((alias, event), ""), renamed.get((alias, created), ""))
            for alias, state in scope.items()
            for name, (witness, event, created) in state.exposed.items()
        }
        return row, times, exposed

    def _grain(self, query: exp.Select, scope: Mapping[str, State], belongs: bool) -> None:
        """Values of different questions must not mix: groups and windows go by the spine's row."""
        rows = {(alias, state.row) for alias, state in scope.items() if state.row}
        if belongs and not query.args.get("group") and not _aggregates(query):
            return
        group = query.args.get("group")
        if group is not None and not any(_is_row(one, rows, scope) for one in group.expressions):
            raise Unproven("values of several questions are grouped together")
        if group is None and _aggregates(query):
            raise Unproven("values of several questions are aggregated together")
        for window in (found for item in query.expressions for found in item.find_all(exp.Window)):
            if not any(_is_row(one, rows, scope) for one in window.args.get("partition_by") or []):
                raise Unproven("a window runs over values of several questions")

    # --- time lines ---------------------------------------------------------------------------------------------

    def _union(self, query: exp.Union, known: Mapping[str, State], outer: Mapping[str, State]) -> State:
        if type(query) is not exp.Union:
            raise Unproven(f"{type(query).__name__} is not followed")
        arms = [self._arm(arm, known, outer) for arm in (query.this, query.expression)]
        (left, left_names), (right, right_names) = arms
        if query.args.get("distinct"):
            if _says_nothing(left) and _says_nothing(right):
                return State()
            raise Unproven("only UNION ALL is followed")
        if left.raw and right.raw:
            return State(raw=True)
        if _asks(left) and _asks(right):
            return _both(left, right, dict(zip(left_names, right_names, strict=True)))
        if left.raw or right.raw or left.clock or right.clock or left.data or right.data:
            raise Unproven("this union is not followed")
        if not (left.exposed and right.row and not right.exposed):
            raise Unproven("a time line is the union of events, first, and questions")
        ((name, (witness, event, created)),) = left.exposed.items()
        position = dict(zip(left_names, right_names, strict=True))
        shared = [mine for mine, theirs in position.items() if theirs in right.times]
        copies = self._copies(query.this, event)
        clocks = [mine for mine in shared if mine == event] or [mine for mine in shared if mine in copies]
        row = next((mine for mine, theirs in position.items() if theirs == right.row), "")
        if not clocks or not row or not _is_null(query.this, row) or witness.created:
            raise Unproven(f"events of {name} and questions do not share a clock")
        times = {mine: right.times[theirs] for mine, theirs in position.items() if theirs in right.times}
        return State(row=row, times=times, clock=clocks[0], exposed={name: (witness, event, created)})

    def _arm(self, arm: exp.Expr, known: Mapping[str, State], outer: Mapping[str, State]) -> tuple[State, list[str]]:
        return self.query(arm, known, outer), [item.alias_or_name for item in arm.selects] if isinstance(
            arm, exp.Query
        ) else []

    @staticmethod
    def _copies(arm: exp.Expr, event: str) -> set[str]:
        """Output columns of ``arm`` that hold the same value as its column ``event``."""
        if not isinstance(arm, exp.Select):
            return set()
        values = {item.alias_or_name: item.unalias() for item in arm.expressions}
        source = values.get(event)
        name = source.name if isinstance(source, exp.Column) else event
        return {alias for alias, value in values.items() if isinstance(value, exp.Column) and value.name == name}

    def _frames(self, query: exp.Select, state: State) -> State:
        ((name, (witness, event, _)),) = state.exposed.items()
        for clause in ("group", "having", "qualify", "distinct", "limit"):
            if query.args.get(clause) is not None:
                raise Unproven(f"{clause.upper()} over a time line is not followed")
        windows = {window.this.name: window for window in query.args.get("windows") or []}
        if any(isinstance(item, exp.Star) for item in query.expressions):
            return self._longer(query, state, witness, windows)
        times = {}
        row = ""
        for item in query.expressions:
            value = item.unalias()
            if isinstance(value, exp.Column) and value.name == state.row:
                row = item.alias_or_name
            if isinstance(value, exp.Column) and value.name in state.times and value.name != state.clock:
                times[item.alias_or_name] = state.times[value.name]
            for window, distance in self._framed(value, windows, state, witness, name):
                if (
                    value is window
                    and isinstance(window.this, exp.Max | exp.Min)
                    and window.this.this.name in (event, *self._witnesses(state))
                ):
                    times[item.alias_or_name] = distance
        if not row:
            raise Unproven("the spine's row is dropped, so nothing says whose values these are")
        return State(row=row, times=times, data=True, loose=True)

    def _framed(
        self, value: exp.Expr, windows: Mapping[str, exp.Window], state: State, witness: Witness, name: str
    ) -> list[tuple[exp.Window, int]]:
        """Each window in ``value``, and how far before the question's instant it surely ends."""
        for aggregate in value.find_all(exp.AggFunc):
            call = aggregate.parent if isinstance(aggregate.parent, exp.IgnoreNulls) else aggregate
            if not isinstance(call.parent, exp.Window) or call.parent.this is not call:
                raise Unproven("an aggregate over a time line has no frame")
            if isinstance(aggregate, BEYOND_THE_FRAME):
                raise Unproven(f"{aggregate.sql_name()} looks beyond its frame")
        found = []
        for window in value.find_all(exp.Window):
            distance = self._frame(window, windows, state)
            if distance < witness.delay:
                raise Unproven(f"the delay of {name} is not kept by a frame")
            self.paths.append((name, f"frame ends at least {distance} microseconds before the instant"))
            found.append((window, distance))
        return found

    def _longer(self, query: exp.Select, state: State, witness: Witness, windows: Mapping[str, exp.Window]) -> State:
        """All of a time line, and columns beside it made of frames: they know no more than the row they stand in."""
        ((name, (_, event, _)),) = state.exposed.items()
        star, *added = query.expressions
        if not isinstance(star, exp.Star) or query.args.get("where") is not None:
            raise Unproven("only a whole time line can be made longer")
        for item in added:
            if item.alias_or_name in (state.row, state.clock, event, *state.times):
                raise Unproven(f"{item.alias_or_name} of a time line is replaced")
            self._framed(item.unalias(), windows, state, witness, name)
        return state

    @staticmethod
    def _witnesses(state: State) -> tuple[str, ...]:
        return tuple(event for _, event, _ in state.exposed.values())

    def _frame(self, window: exp.Window, named: Mapping[str, exp.Window], state: State) -> int:
        """How far before the question's instant the frame surely ends."""
        shape = named.get(window.alias) if window.alias and window.args.get("spec") is None else window
        order = shape.args.get("order") if shape is not None else None
        spec = shape.args.get("spec") if shape is not None else None
        # What stands before a row in an order that begins with the clock happened no later; equal instants may follow.
        by_row = spec is not None and str(spec.args.get("kind")).upper() == "ROWS"
        if order is None or spec is None or (len(order.expressions) != 1 and not by_row):
            raise Unproven("a window over a time line has no bounded frame")
        key = order.expressions[0]
        if not isinstance(key.this, exp.Column) or key.this.name != state.clock or key.args.get("desc"):
            raise Unproven("a frame over a time line does not run along its clock")
        end = rows_end(spec) if by_row else frame_end(spec)
        if end is None:
            raise Unproven("a frame over a time line ends after the instant")
        return state.times[state.clock] + end


def _asks(state: State) -> bool:
    """Whether a relation holds questions and nothing else."""
    return bool(state.row) and _says_nothing(state)


def _says_nothing(state: State) -> bool:
    """Whether a relation is made of the spine alone; where rows are merged, nobody owns one any more."""
    return not (state.raw or state.exposed or state.clock or state.data)


def _both(left: State, right: State, position: Mapping[str, str]) -> State:
    """Questions of two arms: a time is as far back as in the arm where it is latest."""
    if position.get(left.row) != right.row:
        raise Unproven("the arms of a union do not agree on the spine's row")
    times = {
        mine: min(left.times[mine], right.times[theirs])
        for mine, theirs in position.items()
        if mine in left.times and theirs in right.times
    }
    return State(row=left.row, times=times)


def _plain_raw(state: State) -> bool:
    return state.raw or not (state.row or state.exposed or state.clock or state.data)


def _row_equality(term: exp.Expr, scope: Mapping[str, State]) -> tuple[str, str] | None:
    if not isinstance(term, exp.EQ):
        return None
    left, right = Term.of(term.this), Term.of(term.expression)
    if left is None or right is None or left.back or right.back:
        return None
    for one in (left, right):
        if one.table not in scope or not scope[one.table].row or scope[one.table].row != one.column:
            return None
    return left.table, right.table


def _is_row(value: exp.Expr, rows: set[tuple[str, str]], scope: Mapping[str, State]) -> bool:
    term = Term.of(value)
    if term is None or term.back:
        return False
    table = term.table or (next(iter(scope)) if len(scope) == 1 else "")
    return (table, term.column) in rows


def _aggregates(query: exp.Select) -> bool:
    """Whether the select list aggregates outside of windows."""
    return any(
        not isinstance(found.parent, exp.Window) and found.find_ancestor(exp.Select) is query
        for item in query.expressions
        for found in item.find_all(exp.AggFunc)
    )


def _keeps_rows(query: exp.Select, scope: Mapping[str, State]) -> bool:
    """Whether the WHERE clause says that the spine's row is not NULL."""
    where = query.args.get("where")
    wanted = {state.row for state in scope.values() if state.row}
    for term in conjuncts(where.this if where is not None else None):
        if isinstance(term, exp.Is) and isinstance(term.expression, exp.Not) and term.this.name in wanted:
            return True
    return False


def _is_null(arm: exp.Expr, name: str) -> bool:
    values = {item.alias_or_name: item.unalias() for item in arm.selects} if isinstance(arm, exp.Select) else {}
    return isinstance(values.get(name), exp.Null)


__all__ = ["Certificate", "Claim", "Leak", "Witness", "certify", "microseconds"]
