"""The command's parts: what was asked for, what a terminal shows, and many captures one by one with the index of them."""
