"""Conformance suites that the author of a store or dialect runs."""
