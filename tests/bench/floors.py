"""The least time a corruption can take here: its bytes, its random numbers and its codec calls at measured prices."""

import io
import math
from functools import partial

import torch
from clocks import clock_of, least_seconds, wall_seconds
from PIL import Image
from torch import Tensor

from robustsweep.corruptions import CORRUPTIONS
from robustsweep.draws import Draws


def words_needed(name: str, side: int, parameters: tuple[float, ...]) -> int:
    """Count the 32-bit random words that one image needs by the corruption's definition, one per random number.

    Snow counts only the crop that its zoom uses; the two offsets of a step of glass blur count as one word.
    """
    pixels = side * side
    if name == "glass_blur":
        reach, passes = int(parameters[1]), int(parameters[2])
        return passes * (side - 2 * reach) ** 2
    if name == "snow":
        return math.ceil(side / parameters[2]) ** 2 + 1
    if name == "elastic_transform":
        return 6 + (2 * pixels if parameters[0] else 0)
    if name == "fog":
        return int((1 << (side - 1).bit_length()) ** 2)
    values = dict.fromkeys(("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"), 3 * pixels)
    return {**values, "spatter": pixels, "motion_blur": 1, "frost": 3}.get(name, 0)


class Floors:
    """Lower bounds for one batch of images.

    Args:
        images: uint8 tensor (N, 3, side, side) on the device that is measured.
    """

    def __init__(self, images: Tensor) -> None:
        self._images, clock = images, clock_of(images.device)
        count, side = len(images), images.shape[-1]
        ids, out = torch.arange(count, device=images.device), torch.empty_like(images)
        self._copy = least_seconds(clock, lambda: out.copy_(images)) / count
        # Draws for few images stay in the cache, draws for many spread the call's cost: the cheapest counts.
        self._word = min(
            least_seconds(clock, partial(Draws(0, "floor", ids[:few]).words, side, side)) / (few * side * side)
            for few in (1, 4, 16, 64, 256, 1000)
            if few <= count
        )
        self._codec: dict[int, float] = {}

    def __str__(self) -> str:
        copied = 2 * self._images[0].numel() / self._copy / 1e9
        return f"copy {copied:.1f} GB/s (read and written), random word {self._word * 1e9:.2f} ns"

    def seconds_per_image(self, name: str, table: str, severity: int) -> float:
        """Add up the prices; a codec call's time is shared by all threads."""
        parameters = CORRUPTIONS[name].parameters(table, severity)
        words = words_needed(name, self._images.shape[-1], parameters)
        codec = self._codec_seconds(int(parameters[0])) if name == "jpeg_compression" else 0.0
        return self._copy + words * self._word + codec

    def _codec_seconds(self, quality: int) -> float:
        if quality not in self._codec:
            arrays = self._images[:32].permute(0, 2, 3, 1).contiguous().cpu().numpy()
            images = [Image.fromarray(array) for array in arrays]
            seconds = least_seconds(wall_seconds, lambda: [_round_trip(image, quality) for image in images])
            self._codec[quality] = seconds / len(images) / torch.get_num_threads()
        return self._codec[quality]


def _round_trip(image: Image.Image, quality: int) -> None:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    Image.open(file).load()
