"""Checking: the stages of an examination; `headwater.workspace.examination` runs them."""
