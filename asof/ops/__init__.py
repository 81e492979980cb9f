"""The impure verbs, each a short script over ports."""
