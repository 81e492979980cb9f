"""The one place that says which asof this is; the build reads it too."""

__version__ = "0.1.0"

DISTRIBUTION = "asof-compiler"
"""What package indexes call this program; the name ``asof`` there is somebody else's (docs/adr/0085)."""


def installed_by(extra: str) -> str:
    """The command that brings an optional part along."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"
