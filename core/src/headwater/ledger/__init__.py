"""The ledger: what was handed over of each window, and where that is kept."""
