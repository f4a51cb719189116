"""What is asked of a result: who waits, why, since when, how it grows; each as columns, before anybody shows it."""
