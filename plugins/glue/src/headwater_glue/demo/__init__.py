"""`headwater demo`: the main job on real data. `tutorial.py` is the one to read."""
