"""One meaning of every expression: what users' SQL says in its own dialect, said again in that of a target.

``rows`` is the table of meanings, ``ways`` the table of how each target carries them out.
``reader`` finds the row of an expression by the types of its operands (``scope``), ``writer`` puts the way in its place
(``structure`` for clauses).
"""

from asof.compiler.meaning.reader import Reader
from asof.compiler.meaning.scope import columns_of, with_struct_fields
from asof.compiler.meaning.writer import RefusedError, Writer

__all__ = ["Reader", "RefusedError", "Writer", "columns_of", "with_struct_fields"]
