"""Mutants of the query builder: each rule of a feature value is broken in turn, and the proof must notice."""
