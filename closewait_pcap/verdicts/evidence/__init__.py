"""What speaks for a cause: the waiting ends themselves, the listeners behind them, what lies unread."""
