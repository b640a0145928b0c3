"""What engines share: a rasteriser, helpers of shaders, the camera, people outside an engine's identity space.

Nothing here knows a face model. :mod:`.engine` has the base class of an engine, :mod:`.raster` and :mod:`.shading`
compiled kernels, :mod:`.alignment` and :mod:`.camera_effects` the camera, :mod:`.variation` the gap.
"""
