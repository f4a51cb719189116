"""A run of the command: what was asked for, and many captures one by one with the index of them."""
