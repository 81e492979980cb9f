"""Online stores and the one encoding they share."""
