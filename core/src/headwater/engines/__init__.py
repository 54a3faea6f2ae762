"""Engines: what runs a plan. Each is reached through `headwater.interfaces.engine`."""
