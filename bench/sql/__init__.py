"""Compiled point-in-time SQL against hand-written SQL, on the same rows in the same run."""
