"""Slow and obvious restatements of the corruptions: one image, NumPy, SciPy and Pillow, the draws passed in.

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


def shatter(levels, offsets, reach):
    """Copy pixels one after the other; offsets (passes, 2, rows, columns), columns' offsets first."""
    levels = levels.copy()
    height, width = levels.shape[:2]
    for one_pass in offsets:
        for h in range(height - reach, reach, -1):
            for w in range(width - reach, reach, -1):
                dx, dy = one_pass[:, h - reach - 1, w - reach - 1]
                levels[h, w] = levels[h + dy, w + dx]
    return levels


def glass_blur(image, parameters, offsets):
    sigma, reach, _ = parameters
    moved = shatter(to_uint8(gaussian_blur(image, (sigma,))), offsets, int(reach))
    return gaussian_blur(moved / 255, (sigma,))


def trail(levels, degrees, radius, sigma):
    """ImageMagick's motion blur of whole grey levels, pixel by pixel."""
    height, width = levels.shape[:2]
    weights = np.exp([-(i * i) / (2 * sigma * sigma) for i in range(2 * int(radius) + 1)])
    weights /= weights.sum()
    angle = math.radians(degrees)
    out = np.zeros(levels.shape)
    for y in range(height):
        for x in range(width):
            for i, weight in enumerate(weights):
                row = min(max(y + math.ceil(i * math.sin(angle) - 0.5), 0), height - 1)
                column = min(max(x + math.ceil(i * math.cos(angle) - 0.5), 0), width - 1)
                out[y, x] += weight * levels[row, column]
    quantum = np.floor(out * 257 + 0.5).astype(int)
    return quantum // 257


def motion_blur(image, parameters, degrees):
    return trail(levels_of(image).astype(float), degrees, *parameters) / 255


def snow(image, parameters, field, degrees):
    """The whole flake field (H, W) of standard normal numbers is passed, although only its centre is used."""
    mean, std, zoom, threshold, radius, sigma, kept = parameters
    layer = clipped_zoom((field * std + mean)[..., None], zoom)
    layer[layer < threshold] = 0
    layer = trail(to_uint8(layer).astype(float), degrees, radius, sigma) / 255
    grey = (image @ [0.299, 0.587, 0.114])[..., None]
    bleached = kept * image + (1 - kept) * np.maximum(image, grey * 1.5 + 0.5)
    return bleached + layer + np.rot90(layer, 2)


def plasma(levels, decay):
    """Diamonds and squares, point by point; levels[k] (3, 2**k, 2**k): squares, top and left midpoints."""
    side = 2 ** len(levels)
    height = np.zeros((side, side))
    wibble, step = 100.0, side
    for level in levels:
        half = step // 2
        for i in range(0, side, step):
            for j in range(0, side, step):
                i2, j2 = (i + step) % side, (j + step) % side
                mean = (height[i, j] + height[i2, j] + height[i, j2] + height[i2, j2]) / 4
                height[i + half, j + half] = mean + wibble * wibble * level[0, i // step, j // step]
        for i in range(0, side, step):
            for j in range(0, side, step):
                i2, j2 = (i + step) % side, (j + step) % side
                top = height[i, j] + height[i, j2] + height[i + half, j + half] + height[i - half, j + half]
                left = height[i, j] + height[i2, j] + height[i + half, j + half] + height[i + half, j - half]
                height[i, j + half] = top / 4 + wibble * wibble * level[1, i // step, j // step]
                height[i + half, j] = left / 4 + wibble * wibble * level[2, i // step, j // step]
        step, wibble = half, wibble / decay
    height -= height.min()
    return height / height.max()


def fog(image, parameters, levels):
    strength, decay = parameters
    haze = plasma(levels, decay)[: image.shape[0], : image.shape[1], None]
    return (image + strength * haze) * image.max() / (image.max() + strength)


def elastic_transform(image, parameters, shifts, field=None):
    """Anchors shifted by (3, 2) pixels, columns first; field (2, H, W) of numbers in [-1, 1)."""
    alpha, sigma, _ = parameters
    height, width = image.shape[:2]
    x, y, arm = width // 2, height // 2, min(height, width) // 3
    anchors = np.array([[x + arm, y + arm], [x + arm, y - arm], [x - arm, y - arm]], dtype=float)
    affine = np.eye(3)
    affine[:2] = np.linalg.solve(np.c_[anchors, np.ones(3)], anchors + shifts).T
    row, column = np.mgrid[:height, :width]
    source = np.einsum("ij,jhw->ihw", np.linalg.inv(affine), np.stack([column, row, np.ones_like(row)]))
    image = np.stack(
        [ndimage.map_coordinates(image[..., c], source[1::-1], order=1, mode="mirror") for c in range(3)], axis=-1
    )
    if alpha == 0:
        return image
    dx, dy = (alpha * ndimage.gaussian_filter(part, sigma, mode="reflect", truncate=3.0) for part in field)
    return np.stack(
        [ndimage.map_coordinates(image[..., c], [row + dy, column + dx], order=1, mode="reflect") for c in range(3)],
        axis=-1,
    )


def mud(image, parameters, field):
    mean, std, sigma, threshold, sigma_of_cover, _ = parameters
    liquid = ndimage.gaussian_filter(field * std + mean, sigma, mode="nearest", truncate=4.0)
    cover = ndimage.gaussian_filter((liquid > threshold).astype(float), sigma_of_cover, mode="nearest", truncate=4.0)
    cover = np.where(cover < 0.8, 0, cover)[..., None]
    return image * (1 - cover) + np.array([63, 42, 20]) / 255 * cover
