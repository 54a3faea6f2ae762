"""Evidence: what a read was made of, and what came of it, to be kept and compared years later."""
