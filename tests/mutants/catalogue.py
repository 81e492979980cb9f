"""The mutants: what is broken, where, and how, as a piece of text and its replacement."""

from __future__ import annotations

from typing import NamedTuple

REACH, LATEST, WINDOWS = "pit/reach.py", "pit/latest.py", "pit/windows.py"
TRAINING, FUNCTIONS, STATEMENT, TREE = "pit/training.py", "pit/functions.py", "pit/statement.py", "tree.py"
TOTALS, PAIRS, TIMELINE = "pit/totals.py", "pit/pairs.py", "pit/timeline.py"
PARTITIONS = "pit/partitions.py"


class Mutant(NamedTuple):
    """``old`` occurs in ``file`` (below asof/compiler); its first occurrence becomes ``new``."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "partitions: the first day is that of UTC",
        PARTITIONS,
        "-self.reach.since.microseconds - _DAY",
        "-self.reach.since.microseconds",
    ),
    Mutant(
        "partitions: the last day is that of UTC",
        PARTITIONS,
        "_DAY - self.reach.until.microseconds",
        "-self.reach.until.microseconds",
    ),
    Mutant("partitions: the ttl is forgotten", PARTITIONS, "-self.reach.since.microseconds - _DAY", "-_DAY"),
    Mutant(
        "partitions: >= becomes >",
        PARTITIONS,
        "exp.GTE(this=column.copy(), expression=first)",
        "exp.GT(this=column.copy(), expression=first)",
    ),
    Mutant(
        "partitions: <= becomes <",
        PARTITIONS,
        "exp.LTE(this=column.copy(), expression=last)",
        "exp.LT(this=column.copy(), expression=last)",
    ),
    Mutant(
        "partitions: the last instant is taken for the first",
        PARTITIONS,
        "exp.Min, self.extent.earliest",
        "exp.Max, self.extent.latest",
    ),
    Mutant("partitions: one view's reach for all", PARTITIONS, "reach.widest(reaches)", "reaches[0]"),
    Mutant(
        "partitions: rows without a date are lost",
        "relation.py",
        "exp.Or(this=exp.Paren(this=tree.all_of(days)), expression=dateless)",
        "tree.all_of(days)",
    ),
    Mutant(
        "partitions: learned bounds lose rows without a date",
        "relation.py",
        "others = tree.where(query.copy(), [dateless])",
        "others = tree.where(query.copy(), [exp.false()])",
    ),
    Mutant("a window's end: <= becomes <", REACH, "[exp.LTE(this=event", "[exp.LT(this=event"),
    Mutant("a window's start: >= becomes >", REACH, "exp.GTE(this=event.copy()", "exp.GT(this=event.copy()"),
    Mutant("a window holds its last instant", REACH, "(1 if open_end else 0)", "0"),
    Mutant("a window (] holds its first instant", REACH, "oldest if open_end else oldest - 1", "oldest"),
    Mutant("an offset moves one end only", REACH, "oldest = window.offset.microseconds + ", "oldest = "),
    Mutant("windows forget the delay", REACH, "max(newest, timing.delay.microseconds)", "newest"),
    Mutant("latest values forget the delay", REACH, "Reach(view.ttl, timing.delay)", "Reach(view.ttl, Duration(0))"),
    Mutant("a row is seen at its created time: <= becomes <", REACH, "return exp.LTE(", "return exp.LT("),
    Mutant(
        "a frame ends at the question",
        REACH,
        'end=end,\n            end_side="PRECEDING" if self.until.microseconds else None,',
        'end="CURRENT ROW",\n            end_side=None,',
    ),
    Mutant("latest, probed: event <= t becomes <", LATEST, "[exp.LTE(this=event", "[exp.LT(this=event"),
    Mutant("latest, probed: the ttl's bound", LATEST, "made.append(exp.GTE(", "made.append(exp.GT("),
    Mutant("latest, as-of: event <= t becomes <", LATEST, "exp.Expr = exp.GTE(", "exp.Expr = exp.GT("),
    Mutant("latest, as-of: the ttl's bound", LATEST, "tree.where(query, [exp.GTE(", "tree.where(query, [exp.GT("),
    Mutant(
        "latest, running maximum: the ttl's bound", LATEST, "conditions.append(exp.GTE(", "conditions.append(exp.GT("
    ),
    Mutant("latest, timeline: the ttl's bound", TIMELINE, "conditions.append(exp.GTE(", "conditions.append(exp.GT("),
    Mutant(
        "latest, timeline: the ttl dropped", TIMELINE, "conditions.append(exp.GTE(", "list[exp.Expr]().append(exp.GTE("
    ),
    Mutant(
        "latest, timeline: rows of an instant after its questions", TIMELINE, "(statement.names.row, *ties)", "ties"
    ),
    Mutant(
        "latest, timeline: unique before created",
        TIMELINE,
        "(*rows.ties, *rows.values)",
        "(*rows.ties[::-1], *rows.values)",
    ),
    Mutant(
        "latest, timeline: feature values dropped",
        TIMELINE,
        '*map(tree.earliest_first, _of("", (statement.names.row, *ties)))',
        '*map(tree.earliest_first, _of("", (statement.names.row, *(t for t in ties if t in rows.ties))))',
    ),
    Mutant(
        "latest, timeline: the greatest loses",
        TIMELINE,
        '*map(tree.earliest_first, _of("", (statement.names.row, *ties)))',
        '*map(tree.earliest_first, _of("", (statement.names.row,))), *map(tree.latest_first, _of("", ties))',
    ),
    Mutant(
        "visibility of latest values dropped",
        LATEST,
        "made.append(reach.visible(",
        "list[exp.Expr]().append(reach.visible(",
    ),
    Mutant(
        "visibility of windows dropped", WINDOWS, "on.append(reach.visible(", "list[exp.Expr]().append(reach.visible("
    ),
    Mutant("ties: created and unique dropped", LATEST, "(*rows.ties, *rows.values)", "rows.values"),
    Mutant("ties: unique before created", LATEST, "(*rows.ties, *rows.values)", "(*rows.ties[::-1], *rows.values)"),
    Mutant("ties: feature values dropped", LATEST, "(*rows.ties, *rows.values)", "rows.ties"),
    Mutant("pairs: the event no longer decides", LATEST, "[event, *_ties(rows)]", "_ties(rows)"),
    Mutant("latest, pairs: the oldest row", LATEST, "exp.Max(this=event)", "exp.Min(this=event)"),
    Mutant(
        "latest, pairs: the newest row of the key, whenever",
        LATEST,
        "tree.cte(rows.table), on)\n    query.set",
        "tree.cte(rows.table), on[: len(rows.keys)])\n    query.set",
    ),
    Mutant("latest, fetched: any time of the key", LATEST, "(*rows.keys, names.event))\n", "rows.keys)\n"),
    Mutant("ties: NULL wins", TREE, "desc=True, nulls_first=False", "desc=True, nulls_first=True"),
    Mutant("LEFT JOIN becomes INNER", TRAINING, 'on, side="LEFT")', "on)"),
    Mutant("count of nothing is NULL", WINDOWS, 'on, side="LEFT")', "on)"),
    Mutant("rows of the spine share a number", TRAINING, 'tree.column("given", spec.row_id)', "exp.Literal.number(1)"),
    Mutant(
        "totals: a window's first instant is left out",
        TOTALS,
        "one.reach.since.microseconds + 1",
        "one.reach.since.microseconds",
    ),
    Mutant(
        "totals: a window starts an instant early",
        TOTALS,
        "one.reach.since.microseconds + 1",
        "one.reach.since.microseconds + 2",
    ),
    Mutant(
        "totals: edges of one label",
        TOTALS,
        'f"before {Duration(before * 1000)} ago" if before',
        '"before now" if before',
    ),
    Mutant(
        "rows of keys nobody asks about: the wrong bucket",
        STATEMENT,
        "for back in (reach.since, reach.until)",
        "for back in (reach.until, reach.until)",
    ),
    Mutant("totals: what came before the window is kept", TOTALS, "if beginning else end", "if False else end"),
    Mutant(
        "totals: no row yet is NULL",
        TOTALS,
        'if total.kind == "count"\n        else exp',
        "if total.kind\n        else exp",
    ),
    Mutant("totals by frames: both ends are the instant", TOTALS, "Reach(None, edge.back)", "Reach(None, Duration(0))"),
    Mutant("totals by frames: a total of one end", TOTALS, "_{self.kind}_{edge.name}", "_{self.kind}"),
    Mutant(
        "totals: sample and population swapped", TOTALS, 'fewer if one.function.endswith("samp") else count', "count"
    ),
    Mutant("where dropped", WINDOWS, "tree.case(condition, value)", "value"),
    Mutant(
        "ORDER BY reversed",
        TRAINING,
        "tree.column(spine, names.row), desc=False",
        "tree.column(spine, names.row), desc=True",
    ),
    Mutant("first and last swapped", FUNCTIONS, 'if one.function == "last" else', 'if one.function != "last" else'),
    Mutant(
        "NULL keys count as keys", STATEMENT, "[spine for _, spine in group.keys] + [self.names.at]", "[self.names.at]"
    ),
    Mutant("a version holds at its end", REACH, "later = exp.GT(", "later = exp.GTE("),
    Mutant("an open version is no version", REACH, "exp.Or(this=open_ended, expression=later)", "later"),
    Mutant("percentiles count from one", PAIRS, "_less_one(rank)", "rank"),
    Mutant(
        "greatest and smallest swapped",
        PAIRS,
        "desc=greatest, nulls_first=False",
        "desc=not greatest, nulls_first=False",
    ),
    Mutant(
        "lists hold one more",
        FUNCTIONS,
        "exp.LTE(this=rank, expression=exp.Literal.number(one.aggregation.n))",
        "exp.LTE(this=rank, expression=exp.Literal.number(one.aggregation.n + 1))",
    ),
    Mutant("lists run backwards", FUNCTIONS, "forwards = latest == newest", "forwards = latest != newest"),
    Mutant("distinct lists repeat", PAIRS, "[*self.takes_part(one), once]", "self.takes_part(one)"),
    Mutant(
        "of equal frequencies the greatest",
        PAIRS,
        "tree.earliest_first(self.held(one))]",
        "tree.latest_first(self.held(one))]",
    ),
    Mutant(
        "skew of two values", FUNCTIONS, "expression=exp.Literal.number(order))", "expression=exp.Literal.number(2))"
    ),
    Mutant(
        "any and all swapped", FUNCTIONS, 'if function in ("max", "any") else', 'if function in ("max", "all") else'
    ),
    Mutant(
        "maps have entries of nothing",
        FUNCTIONS,
        "something = [tree.present(key), dialect.something(value.copy(), one.result)]",
        "something = [tree.present(key)]",
    ),
    Mutant("maps mix their keys", WINDOWS, "pairs.keyed_by(by) if by else pairs", "pairs"),
    Mutant(
        "a window sees what lies outside",
        PAIRS,
        "return tree.case(tree.all_of(self.inside(one)), tree.column",
        "return tree.case(exp.true(), tree.column",
    ),
)
