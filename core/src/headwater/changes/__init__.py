"""Changes: which windows are not what was handed over of them, and why."""
