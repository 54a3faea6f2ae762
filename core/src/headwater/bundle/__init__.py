"""The support bundle: what a check asked and was told, in a file that can be sent and replayed."""
