"""Outputs of a network that stand for the classes of a data set which has some of the network's classes."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class NetworkOutputs:
    """The outputs that a data set of fewer classes asks for.

    An output outside of them is dropped before anything is computed: the prediction is the best class of those that the
    data set has, and confidence, top-5, NLL and Brier score are of a softmax over these. A network that would answer
    another class is thus neither helped nor counted as wrong for it.

    Source: the evaluation scripts of ImageNet-R and ImageNet-A (Hendrycks et al.), which index the logits before their
    argmax and their softmax, of shifted and of clean images alike.

    Attributes:
        of: How many outputs the network must have.
        indices: The output of each class, in the order of the classes.
    """

    of: int
    indices: tuple[int, ...]

    def logits(self, outputs: Tensor) -> Tensor:
        """Take the logits of the classes.

        Args:
            outputs: Shape (n, of).

        Returns:
            Shape (n, classes).
        """
        return outputs[:, list(self.indices)]
