"""Where state lives: blob stores with compare-and-swap, history, journal."""
