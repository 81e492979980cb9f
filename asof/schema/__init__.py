"""What may be written: one JSON Schema for each kind and version."""
