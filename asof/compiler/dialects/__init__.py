"""One file for each warehouse: facts about it and rewrites of single expressions."""
