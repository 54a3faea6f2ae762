"""How values look: text that is safe on a terminal or a page, and small tables in a notebook."""
