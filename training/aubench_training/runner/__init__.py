"""Many runs that belong together: what is done already, what they share, one process each, and one table at the end.

:mod:`.asked` names the runs of a matrix, :mod:`.identity` says what decides each result, :mod:`.jobs` what is left to
do, :mod:`.pool` does it with :mod:`.worker` in processes of their own, :mod:`.summary` writes it up; :mod:`.run` is all
of it in order.
"""
