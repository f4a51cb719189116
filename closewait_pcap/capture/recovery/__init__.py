"""What is wrong with a capture: how it is told, and where the capture goes on."""
