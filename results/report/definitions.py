"""Definitions of the words of a report."""

from robustsweep.results.metrics.catalogue.every_score import DEFINED, added_scores

_TERMS = (
    ("error", "Fraction of wrong top-1 predictions, shown in percent; CSV files hold fractions."),
    ("CE", "Error under one corruption summed over 5 severities, divided by the same sum of a named reference."),
    (
        "relative CE",
        "The same after subtracting the clean error from each severity, of the checkpoint and of the reference.",
    ),
    (
        "AlexNet",
        "The reference of published mCE values: torchvision's AlexNet on the full official ImageNet-C. Quotients on "
        "any other images are not comparable with published mCE.",
    ),
    (
        "robust accuracy",
        "Fraction of all images still right under the worst iterate and restart of an attack; images that are wrong "
        "without attack are not robust.",
    ),
    (
        "audit",
        "Checks of the attacks themselves: a model whose gradients are masked looks robust to attacks along them.",
    ),
    (
        "median smallest fooling eps",
        "The smallest measured eps that fools at least half of all images (0: clean mistakes).",
    ),
    (
        "window",
        "A patch pasted into the image: our probe of SmoothMix's claim about hard edges. Its sides are the stated "
        "fraction of the image's; a hard, a linear and a Gaussian edge share place, content and mask mass.",
    ),
    ("changed prediction", "Fraction of images whose top-1 prediction under a window is not the clean one."),
    (
        "official, generated",
        "Published corrupted files, or corruptions computed here from clean images. The two never share a table.",
    ),
    (
        "equal compute",
        "Each method after the training that took the longest time not above the baseline's, whatever its number of "
        "epochs; the tables of one training setting are at equal epochs.",
    ),
    (
        "ECE, reliability",
        "Of the predictions with a confidence of 70%, 70% should be right. A reliability diagram draws the accuracy "
        "of 15 bins of confidence of equal width against their mean confidence; the expected calibration error is the "
        "mean distance between the two, weighted by the bins' images.",
    ),
    ("NLL, Brier", "Mean negative log-likelihood of the label in nats; mean squared distance of probabilities to it."),
)


def definitions() -> list[tuple[str, str]]:
    """List each term of a report with its meaning, the scores after the error that they are made of."""
    scores = (*DEFINED, *(score for score in added_scores() if score.definition))
    return [*_TERMS[:1], *((score.header or score.title, score.definition) for score in scores), *_TERMS[1:]]
