"""Waiting lists: how long the wait is, what would bring it down, and when the debt is cleared."""
