"""The two ways in which an attack is driven and judged."""

WORST_ITERATE = "worst-iterate"
"""Ours: an image falls at the first iterate, of any start, that fools the model; clean mistakes are not attacked."""

TORCHATTACKS = "torchattacks"
"""That of torchattacks 3.5.1, for numbers that compare with its: every image, clean mistakes included, takes all steps
along the gradient of the batch's mean loss, and only the last iterate is judged, so that an image may be put right too.
L2 starts have a uniform radius, and 1e-10 is added to the length of an L2 gradient. The gradient is the model's own.

Difference: each image draws its start from its id, not from a global generator.
"""

PROTOCOLS = (WORST_ITERATE, TORCHATTACKS)
