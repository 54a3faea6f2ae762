"""Plugins: found, loaded one at a time, listed by kind, and called through hooks."""

from __future__ import annotations

from headwater.plugins.registry import PluginRegistry, PluginStatus

__all__ = ["PluginRegistry", "PluginStatus"]
