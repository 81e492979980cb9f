"""Value types <-> the types that sqlglot infers, and which of them may stand for which."""

from __future__ import annotations

from sqlglot import exp

from asof.compiler import types
from asof.compiler.types import Array, Decimal, Map, Struct, Type, Vector

_D = exp.DType
_KNOWN: dict[exp.DType, Type] = {
    _D.BOOLEAN: types.BOOL,
    _D.TINYINT: types.INT32,
    _D.SMALLINT: types.INT32,
    _D.UTINYINT: types.INT32,
    _D.USMALLINT: types.INT32,
    _D.INT: types.INT32,
    _D.UINT: types.INT64,
    _D.BIGINT: types.INT64,
    _D.FLOAT: types.FLOAT32,
    _D.DOUBLE: types.FLOAT64,
    _D.VARCHAR: types.STRING,
    _D.TEXT: types.STRING,
    _D.CHAR: types.STRING,
    _D.BPCHAR: types.STRING,
    _D.VARBINARY: types.BYTES,
    _D.BINARY: types.BYTES,
    _D.DATE: types.DATE,
    _D.TIMESTAMP: types.TIMESTAMP,
    _D.TIMESTAMPTZ: types.TIMESTAMP,
    _D.DATETIME: types.TIMESTAMP,
    _D.TIMESTAMPNTZ: types.TIMESTAMP,
    _D.JSON: types.JSON,
    _D.JSONB: types.JSON,
    _D.UUID: types.UUID,
}
_SCALARS: dict[str, exp.DType] = {
    "bool": _D.BOOLEAN,
    "int32": _D.INT,
    "int64": _D.BIGINT,
    "float32": _D.FLOAT,
    "float64": _D.DOUBLE,
    "string": _D.TEXT,
    "bytes": _D.VARBINARY,
    "date": _D.DATE,
    "timestamp": _D.TIMESTAMPTZ,
    "json": _D.JSON,
    "uuid": _D.UUID,
}
_WIDER: dict[Type, frozenset[Type]] = {
    types.INT32: frozenset({types.INT64}),
    types.FLOAT32: frozenset({types.FLOAT64}),
    types.DATE: frozenset(),
}


def of_sql(found: exp.DataType | None) -> Type | None:
    """The value type of an inferred SQL type, or None where sqlglot (or asof) does not know it."""
    if found is None or found.is_type(_D.UNKNOWN, _D.NULL):
        return None
    if found.is_type(_D.DECIMAL):
        digits = [int(p.name) for p in found.expressions if p.name.isdigit()]
        return Decimal(digits[0], digits[1]) if len(digits) == 2 else None
    if found.is_type(_D.ARRAY, _D.LIST):
        element = of_sql(found.expressions[0]) if found.expressions else None
        return Array(element) if element else None
    if found.is_type(_D.MAP) and len(found.expressions) == 2:
        key, value = (of_sql(part) for part in found.expressions)
        return Map(key, value) if key and value else None
    return _KNOWN.get(found.this) if isinstance(found.this, exp.DType) else None


def to_sql(value: Type | None) -> exp.DataType:
    """What to tell sqlglot of a column's type; UNKNOWN for None."""
    if isinstance(value, Decimal):
        return exp.DataType.build(f"DECIMAL({value.precision}, {value.scale})")
    if isinstance(value, Array | Vector):
        return exp.DataType(this=_D.ARRAY, expressions=[to_sql(value.element)], nested=True)
    if isinstance(value, Map):
        return exp.DataType(this=_D.MAP, expressions=[to_sql(value.key), to_sql(value.value)], nested=True)
    if isinstance(value, Struct):
        fields = [exp.ColumnDef(this=exp.to_identifier(n), kind=to_sql(t)) for n, t in value.fields]
        return exp.DataType(this=_D.STRUCT, expressions=fields, nested=True)
    return exp.DataType(this=_SCALARS[value.text] if value else _D.UNKNOWN)


def fits(found: Type, declared: Type) -> bool:
    """Whether every value of ``found`` is a value of ``declared`` too: equal, or wider in the same family."""
    if found == declared or declared in _WIDER.get(found, ()):
        return True
    if isinstance(found, Decimal) and isinstance(declared, Decimal):
        whole = found.precision - found.scale <= declared.precision - declared.scale
        return whole and found.scale <= declared.scale
    if isinstance(found, Array) and isinstance(declared, Array | Vector):
        return fits(found.element, declared.element)
    return isinstance(found, Struct | Map) and type(found) is type(declared)


def name_in(value: Type, dialect: str) -> str:
    """What to write in a CAST to get ``value``."""
    return to_sql(value).sql(dialect)


def family(value: Type | None) -> str:
    """Types that can be compared with each other share a family; "" is not known."""
    if value is None:
        return ""
    if types.is_numeric(value):
        return "number"
    if value in (types.DATE, types.TIMESTAMP):
        return "time"
    return value.text.partition("<")[0]
