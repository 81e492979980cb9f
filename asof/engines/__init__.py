"""Offline stores: a connection that runs compiled SQL."""
