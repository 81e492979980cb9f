"""argv -> api -> views -> exit code; nothing else."""

from asof.cli.dispatch import global_first, main
from asof.cli.session import ExitCode

__all__ = ["ExitCode", "global_first", "main"]
