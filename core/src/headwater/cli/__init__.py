"""The `headwater` program: thin. Every command is a call of the library."""
