"""Engines: what runs a plan. Each is reached through the interface in `headwater.engine`."""
