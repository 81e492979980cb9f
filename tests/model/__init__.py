"""The protocol of the registry, searched state by state: `make model`."""
