"""Checking: a connection examined stage by stage, stopping nowhere and explaining everything."""
