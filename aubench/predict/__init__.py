"""From pictures to readings: decode, find and follow faces, align them, read them in batches, write tables and videos.

Knows neither plugins nor models: whatever has a ``predict`` (:class:`aubench.predict.run.Reader`) reads, whatever has a
``draw`` draws.
"""
