"""GitHub, GitLab and Azure DevOps as a CI job needs them: a comment on a pull request, and the plan reviewed there."""

from asof.forges.base import Forge, put_comment
from asof.forges.choose import forge

__all__ = ["Forge", "forge", "put_comment"]
