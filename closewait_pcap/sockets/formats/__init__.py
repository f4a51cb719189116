"""How each tool prints a socket table: one module for each, and what several of them need."""
