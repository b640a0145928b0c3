"""What each label-free loss tells R about each parameter, measured without any training (``aubench loss-signal``).

For a frame with the answer y' = R(F_seg(I)), a step of gradient descent on a loss L moves y' along −∂L/∂y'. Where a
data set has labels, this direction is compared with the true error, truth less y'. A loss whose direction has nothing
to do with the error cannot mend it, whatever its weight; one whose gradient is zero by construction changes nothing.

:func:`.measure.measure` does it all; :mod:`.model` is what it returns. Losses are computed behind the locked door of
:mod:`aubench.data.labels`; labels are opened for the comparison only.
"""
