"""What a dialect is: facts about an engine, the strategies it is given, and rewrites of leaves.

A dialect never owns a query. The builder asks it for single expressions and picks shapes by its facts; what an
engine cannot do stands in its table ``unsupported``, as data. To write a new one, read the file of a
near relative: everything that a dialect says stands in one class.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.dialects import syntax
from asof.compiler.instants import utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from asof.compiler.dialects.paths import Path
    from asof.compiler.duration import Duration
    from asof.compiler.model import Timing

LatestStrategy = Literal["asof", "lateral", "timeline", "frame", "pairs"]
"""How the latest visible row is found: an ASOF join on keys alone and a late fetch; one index probe per row
(LATERAL or APPLY with LIMIT 1); the last row before each question in one sorted union of both, values and all; a
running maximum over such a union of keys and times, and a late fetch; or, the plain form, each question joined with
all its rows for the newest time, and a late fetch."""

WindowStrategy = Literal["pass", "pairs"]
WINDOW_STRATEGIES: tuple[WindowStrategy, ...] = ("pass", "pairs")
"""What every dialect can do; ``Dialect.strategies`` are those for latest values."""

RunningTotals = Literal["edges", "frames"]
"""Where the totals of a window's ends are taken: at edges, lines of their own on the time line, for all of which one
frame does; or at the question itself, by a frame without a beginning for each end, where no line but the question's is
sorted and the engine adds each row to such a frame once."""

Clock = Literal["instant", "microseconds"]
"""What the builder compares and subtracts times as: the engine's own instants and intervals, or, where those are
coarser than a microsecond or fit in no frame, whole numbers of microseconds since 1970."""

_UNITS = (("DAY", 86_400_000_000), ("HOUR", 3_600_000_000), ("MINUTE", 60_000_000), ("SECOND", 1_000_000))
TICKS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
"""``timestamp_unit`` -> microseconds."""


class Dialect:
    """One SQL dialect. Class variables state facts; methods make or rewrite one expression each."""

    name: ClassVar[str]
    """As sqlglot knows it, and as ``offline.type`` of a target says it."""

    prologue: tuple[str, ...] = ()
    """Statements a session runs once before any query: above all, UTC."""

    latest: LatestStrategy = "frame"
    """The strategy for latest values; ``choosing`` makes a copy with another one."""

    strategies: tuple[LatestStrategy, ...] = ("frame", "pairs")
    """All strategies that the engine can run; tests hold each of them to the same answers."""

    windows: WindowStrategy = "pass"
    """How windows are computed: in one pass over rows and questions wherever the function allows it, or, quicker where
    no key has many rows and many questions, by joining each question with the rows of its widest window."""

    columns_hide_tables: ClassVar[bool] = False
    """``a.b`` is a field of a column ``a`` before it is a column of a table ``a``: no name may be both."""

    clock: ClassVar[Clock] = "instant"

    evaluates_once: ClassVar[bool] = False
    """MATERIALIZED makes the engine compute a common table expression once, however often it is read. Where
    there is no such promise the spine is numbered along its keys and instants, the same each time it is read."""

    range_frames: ClassVar[bool] = True
    """RANGE frames exist; otherwise running maxima count ROWS."""

    records: ClassVar[bool] = False
    """``record`` makes one value of several, and LAST_VALUE can ignore NULLs. Otherwise the strategy ``timeline``
    looks values up by their place in the frame."""

    identifier_length: ClassVar[int | None] = None
    """Longest identifier in bytes; the engine silently cuts what is longer."""

    max_statement_bytes: int | None = None
    """The longest statement that the engine reads; None where nobody has set one."""

    max_columns: int | None = None
    """The most columns that a query can give back."""

    max_table_columns: int | None = None
    """The most columns of a table that holds the features of a stage: fewer than the engine's own limit where a row
    must fit a page of 8 kB."""

    max_joins: int | None = None
    """The most tables that one SELECT can join."""

    max_ctes: int | None = None
    """The most common table expressions of one statement, where the engine nests them and limits the depth."""

    temporary: Literal["temp", "hash", "none"] = "temp"
    """How a table of this session alone is made: CREATE TEMPORARY TABLE ... AS, SELECT ... INTO #name, or not."""

    temporary_schema: str = ""
    """The schema in which temporary tables stand, where naming it keeps DROP from any other table."""

    type_names: ClassVar[Mapping[str, str]]
    """Scalar type -> the engine's name for it, complete."""

    nodes: ClassVar[frozenset[type[exp.Expr]]] = syntax.CORE
    """The syntax that the builder may use here: a finished tree with any other node is refused."""

    builtins: ClassVar[frozenset[str]] = frozenset()
    """Functions without a node in sqlglot that the builder may call here, in capitals."""

    join_methods: frozenset[str] = frozenset({""})
    """Beside plain joins, such as ASOF."""

    running_totals: ClassVar[RunningTotals | None] = None
    """How windows of counts and integers are differences of running totals; None where nothing was measured faster."""

    narrow_counts: ClassVar[bool] = False
    """COUNT or ROW_NUMBER are of 32 bits: what multiplies them widens them first."""

    frame_functions: ClassVar[frozenset[str]] = frozenset()
    """Aggregates that the engine computes exactly over a sliding RANGE frame, of any input type."""

    exact_frame_functions: ClassVar[frozenset[str]] = frozenset()
    """Those it computes exactly over such a frame only where the input is an integer."""

    unsupported: ClassVar[Mapping[str, str]] = {}
    """What this dialect cannot do, of ``capabilities.CAPABILITIES`` -> the way out, as the user reads it."""

    approximations: ClassVar[Mapping[str, float]] = {}
    """approx_count_distinct, approx_percentile -> the relative error that the engine's own function keeps
    with 95 % probability (of ranks, for percentiles). What is not here is computed exactly."""

    lists_over_frames: ClassVar[bool] = False
    """Only a window gives an aggregate an order here: ``list_of`` is computed beside each row and then picked."""

    empty_list_is_null: ClassVar[bool] = True
    """``list_of`` and ``map_of`` give NULL, not something empty, where nothing is kept."""

    lists_can_be_null: ClassVar[bool] = True
    """A list or a map can be NULL. Where none can, an empty one says that there is nothing: no other is empty."""

    native_variance: ClassVar[bool] = True
    """VAR_POP and its three sisters exist. Otherwise they are made of two passes."""

    materialize_rows: ClassVar[bool | None] = None
    """What the engine is told about the common table expressions of rows: False means NOT MATERIALIZED."""

    nulls_first_descending: ClassVar[bool] = False
    """DESC alone puts NULLs first, and an index helps only a sort that says so."""

    ascending_nulls_first: ClassVar[bool] = False
    """ASC alone puts NULLs first."""

    carriers: ClassVar[Mapping[str, str]] = {}
    """Scalar type that MIN and MAX do not take -> one that does, there and back by CAST."""

    prunes: ClassVar[Literal["alternatives", "conjunctions", "nothing"]] = "alternatives"
    """What lets the engine skip partitions by bounds that it learns as it runs: any predicate over the column, only
    one without OR, or, where there are no partitions, nothing."""

    reads_files: ClassVar[bool] = False
    """A source's ``path`` can stand in FROM."""

    def frames(self, function: str, kind: types.Type | None) -> bool:
        """Whether the aggregate of a column of this type may be computed over a sliding frame."""
        exact = kind in types.INTEGERS or kind == types.BOOL
        return function in self.frame_functions or (exact and function in self.exact_frame_functions)

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        """The engine's type, or None where it has no type of its own for it."""
        if isinstance(kind, types.Scalar):
            return exp.DataType.build(self.type_names[kind.name], dialect=self.name)
        if isinstance(kind, types.Decimal):
            return exp.DataType.build(f"DECIMAL({kind.precision}, {kind.scale})", dialect=self.name)
        return None

    def cast(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """``value`` as the engine's type for ``kind``; as it is where there is none."""
        made = None if kind is None else self.data_type(kind)
        return value if made is None else exp.Cast(this=value, to=made)

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        """A stored time as an instant in UTC; ``kind`` is the declared type, None where unknown."""
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        if timing.timezone:
            naive = exp.Cast(this=value, to=exp.DataType.build("TIMESTAMP", dialect=self.name))
            return exp.AtTimeZone(this=naive, zone=exp.Literal.string(timing.timezone))
        return self.cast(value, types.TIMESTAMP)

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr | None:
        """The number of the stretch of time of that ``length`` that holds ``instant``; None where counting costs.

        It must grow with the instant: what lies within ``length`` of each other lies in one bucket or in two.
        """
        return None

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        """The instant ``count`` times ``ticks`` microseconds after 1970."""
        step = exp.Interval(this=exp.Literal.string(str(ticks)), unit=exp.var("MICROSECOND"))
        epoch = self.instant_text("1970-01-01 00:00:00+00")
        return exp.Add(this=epoch, expression=exp.Mul(this=count, expression=step))

    def instant(self, moment: datetime) -> exp.Expr:
        """A literal instant; a naive ``moment`` is UTC."""
        return self.instant_text(f"{utc(moment):%Y-%m-%d %H:%M:%S.%f}+00")

    def instant_text(self, text: str) -> exp.Expr:
        """A literal instant from its text in UTC."""
        return self.cast(exp.Literal.string(text), types.TIMESTAMP)

    def length(self, duration: Duration) -> exp.Expr:
        """A length of time on the builder's clock: microseconds, or an interval in the largest unit that fits."""
        if self.clock == "microseconds":
            return exp.Literal.number(duration.microseconds)
        unit, ticks = next((u for u in _UNITS if duration.microseconds % u[1] == 0), ("MICROSECOND", 1))
        return exp.Interval(this=exp.Literal.string(str(duration.microseconds // ticks)), unit=exp.var(unit))

    def tick(self, instant: exp.Expr) -> exp.Expr:
        """An instant on the builder's clock; where that counts microseconds, every dialect says how."""
        if self.clock == "microseconds":
            raise NotImplementedError(self.name)
        return instant

    def certain(self, value: exp.Expr) -> exp.Expr:
        """A value that is NULL in no row that is kept, told so to engines whose types carry NULL at a cost."""
        return value

    def untick(self, time: exp.Expr) -> exp.Expr:
        """The inverse of ``tick``: a time on the builder's clock as the engine's timestamp."""
        return time if self.clock == "instant" else self.since_epoch(time, 1)

    def minus(self, time: exp.Expr, duration: Duration) -> exp.Expr:
        """``time``, on the builder's clock, moved back by ``duration``."""
        if not duration.microseconds:
            return time
        return exp.Sub(this=time, expression=self.length(duration))

    def day_text(self, day: exp.Expr) -> exp.Expr:
        """A date as the text YYYY-MM-DD, whatever the session says of dates."""
        return self.cast(day, types.STRING)

    def order_key(self, columns: list[exp.Expr]) -> exp.Expr:
        """One comparable value that orders rows by ``columns``, NULL smallest; for engines with ARG_MAX frames."""
        raise NotImplementedError(self.name)

    def record(self, fields: list[tuple[str, exp.Expr]]) -> exp.Expr:
        """One value that holds those of ``fields`` by name, not NULL even where all of them are."""
        raise NotImplementedError(self.name)

    def field(self, record: exp.Expr, name: str) -> exp.Expr:
        """A field of what ``record`` made."""
        raise NotImplementedError(self.name)

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """An aggregate: the array of ``value`` where ``kept`` holds, in the order of ``rank`` (1, 2, ...)."""
        raise NotImplementedError(self.name)

    def key_text(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """A string, integer, boolean or UUID as the text that keys of maps have."""
        if kind == types.STRING:
            return value
        if kind == types.BOOL:
            number = self.cast(value, types.INT32)
            words = [(1, "true"), (0, "false")]
            return exp.Case(
                ifs=[
                    exp.If(
                        this=exp.EQ(this=number.copy(), expression=exp.Literal.number(digit)),
                        true=exp.Literal.string(word),
                    )
                    for digit, word in words
                ]
            )
        return self.cast(value, types.STRING)

    def grouping(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """A value in PARTITION BY, where the engine does not take every type there."""
        return value

    def distinguished(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """A value in COUNT(DISTINCT ...), where the engine tells equal ones apart."""
        return value

    def addend(self, value: exp.Expr) -> exp.Expr:
        """An integer to be added up, wide enough that no total of them wraps; as it stands where engines see to it."""
        return value

    def narrowed(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        """A wide integer as this type; an error where it does not fit."""
        return self.cast(value, kind)

    def item(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """A value of this type on its way into a list or a map, from which it is read back as it was."""
        return value

    def digit(self, value: exp.Expr) -> exp.Expr:
        """A boolean as the 0 or 1 that sums add up."""
        return self.cast(value, types.INT64)

    def carried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr | None:
        """``value`` as something that MIN and MAX take and order alike; None where they take it as it is."""
        carrier = self.carriers.get(str(kind))
        return None if carrier is None else self.cast(value, types.Scalar(carrier))

    def uncarried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """The inverse of ``carried``."""
        return self.cast(value, kind)

    def framed(self, function: str, value: exp.Expr, kind: types.Type | None, frame: exp.Identifier) -> exp.Expr | None:
        """An aggregate over a sliding frame where the engine's own call would not be exact; None where it is."""
        return None

    def nothing(self, kind: types.Type | None) -> exp.Expr:
        """NULL of this type, or the empty list that stands for it."""
        return self.cast(exp.Null(), kind)

    def something(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        """Whether a value of this type, a list among them, is there at all."""
        return tree.present(value)

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """An aggregate: the map of ``key`` (a string, each once, never NULL) to ``value`` where ``kept`` holds."""
        raise NotImplementedError(self.name)

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        """A scalar: the array of ``values``."""
        raise NotImplementedError(self.name)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        """The engine's own aggregate for a function in ``approximations``; NULLs do not count."""
        raise NotImplementedError(self.name)

    def text(self, value: exp.Expr) -> exp.Expr:
        """A stored string, so that it compares by code point; where the engine does so anyway, as it stands."""
        return value

    def compared(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """A column, or a key of the spine, so that equal values are equal, however each of the two is stored."""
        return self.text(value) if kind == types.STRING else value

    def written(self, node: exp.Expr) -> exp.Expr:
        """One node of a proven tree, or what stands in its place where the engine writes the same thing otherwise.

        Called from the leaves up.
        """
        return node

    def choosing(self, *, latest: LatestStrategy | None = None, windows: WindowStrategy | None = None) -> Self:
        """The same dialect with another strategy for latest values, or for windows; its own where None."""
        made = copy.copy(self)
        made.latest = latest or self.latest
        made.windows = windows or self.windows
        return made

    def unread(self, path: Path) -> str:
        """Why these files cannot be read, as a clause; "" where they can. Asked only where ``reads_files``."""
        return ""

    def scan(self, path: Path, columns: Mapping[str, types.Type], *, naive: bool = False) -> exp.Table:
        """The rows of files, whose ``columns`` are declared so; only where ``reads_files``, and nothing is unread.

        ``naive``: texts of times have no offset of their own, a time zone says what they mean.
        """
        raise NotImplementedError(path.text)

    def from_file(self, value: exp.Column, kind: types.Type, path: Path, *, naive: bool = False) -> exp.Expr:
        """A column of ``scan`` with the type it is declared with; an error where that would be another value."""
        return value

    def from_folder(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        """A column of ``scan`` that folders of the path name, as a value of the type it is declared with."""
        return value

    def settings(self, query: exp.Expr) -> tuple[str, ...]:
        """Statements that a session runs before just such a query, after the prologue."""
        return ()
