"""Tables that a reviewer believes, from predictions alone: of our runs, of other tools, and printed ones beside.

From the bottom: ``csv_reader`` and ``formats`` read other tools' tables, ``video_matching`` finds their videos,
``importing`` makes them ours; ``runs`` are our own; ``method`` is what either becomes; ``inputs`` does so for a
command. ``scoring``, ``protocol`` and ``pairwise_tests`` say what methods are worth and whether they differ;
``comparison`` puts that together, beside ``published`` numbers and ``baselines``. ``tables``, ``markdown``, ``latex``,
``html`` and ``outputs`` show it.
"""
