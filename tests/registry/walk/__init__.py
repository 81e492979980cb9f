"""Random walks through a registry's life, by the user's door: `python -m tests.registry.walk`."""
