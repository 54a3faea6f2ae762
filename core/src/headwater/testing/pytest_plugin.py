"""Fixtures that pytest finds in every project where headwater is installed."""
