"""Tables that a reviewer believes, from predictions alone: of our runs, of other tools, and printed ones beside.

From the bottom: ``cells`` and ``formats`` read other tools' tables, ``places`` finds their videos, ``importing`` makes
them ours; ``runs`` are our own; ``method`` is what either becomes; ``gather`` does so for a command. ``scoring``,
``protocol`` and ``pairs`` say what methods are worth and whether they differ; ``build`` puts that together, beside
``published`` numbers and ``baselines``. ``tables``, ``markdown``, ``latex``, ``html`` and ``write`` show it.
"""
