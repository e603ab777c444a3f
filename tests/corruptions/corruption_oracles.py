"""Slow and obvious restatements of the corruptions without randomness: one image, NumPy, SciPy and Pillow.

Images are float64 arrays (H, W, 3) in [0, 1]; so are the results, before clipping and truncation.
"""

import io
import math

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from PIL import Image
from scipy import ndimage


def to_uint8(image):
    # A value that equals a grey level up to float64 noise counts as that level.
    return (np.clip(image, 0, 1) * 255 + 1e-5).astype(np.uint8)


def levels_of(image):
    return np.rint(image * 255).astype(np.uint8)


def gaussian_blur(image, parameters):
    (sigma,) = parameters
    return ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def defocus_blur(image, parameters):
    radius, sigma = parameters
    half, taps = (8, 1) if radius <= 8 else (int(radius), 2)
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = (x * x + y * y <= radius * radius).astype(float)
    kernel /= kernel.sum()
    line = np.exp([-(tap * tap) / (2 * sigma * sigma) for tap in range(-taps, taps + 1)])
    line /= line.sum()
    kernel = ndimage.correlate1d(ndimage.correlate1d(kernel, line, axis=0, mode="mirror"), line, axis=1, mode="mirror")
    return np.stack([ndimage.correlate(image[..., c], kernel, mode="mirror") for c in range(3)], axis=-1)


def clipped_zoom(image, factor):
    height, width = image.shape[:2]
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - rows) // 2, (width - columns) // 2
    crop = image[top : top + rows, left : left + columns]
    large = ndimage.zoom(crop, (factor, factor, 1), order=1)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def zoom_blur(image, parameters):
    stop, step = parameters
    factors = np.arange(1, stop, step)
    return (image + sum(clipped_zoom(image, factor) for factor in factors)) / (len(factors) + 1)


def brightness(image, parameters):
    (shift,) = parameters
    hsv = rgb_to_hsv(image)
    hsv[..., 2] = np.clip(hsv[..., 2] + shift, 0, 1)
    return hsv_to_rgb(hsv)


def saturate(image, parameters):
    factor, offset = parameters
    hsv = rgb_to_hsv(image)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + offset, 0, 1)
    return hsv_to_rgb(hsv)


def contrast(image, parameters):
    (factor,) = parameters
    mean = image.mean(axis=(0, 1))
    return (image - mean) * factor + mean


def pixelate(image, parameters):
    (factor,) = parameters
    height, width = image.shape[:2]
    small = Image.fromarray(levels_of(image)).resize((int(width * factor), int(height * factor)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX)) / 255


def jpeg_compression(image, parameters):
    file = io.BytesIO()
    Image.fromarray(levels_of(image)).save(file, "JPEG", quality=int(parameters[0]))
    return np.asarray(Image.open(file)) / 255


DETERMINISTIC = {
    oracle.__name__: oracle
    for oracle in (
        defocus_blur,
        zoom_blur,
        brightness,
        contrast,
        pixelate,
        jpeg_compression,
        gaussian_blur,
        saturate,
    )
}
