"""Bytes that nobody has checked, given to everything in asof that reads them."""
