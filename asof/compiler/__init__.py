"""Text to model to plan to SQL, as pure functions."""
