"""Point-in-time queries: what each row of a spine could have known."""

from asof.compiler.pit.request import OutputColumn, SpineSpec, TrainingRequest
from asof.compiler.pit.stages import training_query

__all__ = ["OutputColumn", "SpineSpec", "TrainingRequest", "training_query"]
