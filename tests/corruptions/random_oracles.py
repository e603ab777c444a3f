"""Slow and obvious restatements of the random corruptions: one image, NumPy, SciPy and OpenCV, the draws passed in.

Images are float64 arrays (H, W, 3) in [0, 1]; so are the results, before clipping and truncation. Each oracle takes an
image, the constants of a severity and the image's draws.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from corruption_oracles import clipped_zoom, gaussian_blur, levels_of, to_uint8
from scipy import ndimage

from robustsweep.corruptions.noise import alias_tables
from robustsweep.corruptions.weather.frost import texture_folder


def gaussian_noise(image, parameters, normal):
    (std,) = parameters
    return image + std * normal.transpose(1, 2, 0)


def speckle_noise(image, parameters, normal):
    (std,) = parameters
    return image + image * std * normal.transpose(1, 2, 0)


def shot_noise(image, parameters, words):
    """Read the alias tables, whose laws are tested by themselves: keep the column, or take its alias."""
    entries = alias_tables(int(parameters[0]), torch.device("cpu")).numpy().view(np.uint32)
    words = words.transpose(1, 2, 0)
    column, rest = words >> 24, words % 2**24
    entry = entries[levels_of(image).astype(int) * 256 + column]
    return np.where(rest < entry >> 8, column, entry % 256) / 255


def impulse_noise(image, parameters, words):
    """Salt and pepper in equal shares, per colour value."""
    (amount,) = parameters
    uniform = words.transpose(1, 2, 0) / 2**32
    return np.where(uniform < amount / 2, 1, np.where(uniform < amount, 0, image))


def shatter(levels, offsets, reach):
    """Copy pixels one after the other; offsets (passes, 2, rows, columns), columns' offsets first."""
    height, width = levels.shape[:2]
    pixels = [list(row) for row in levels]
    for columns, rows in offsets.tolist():
        for h in range(height - reach, reach, -1):
            for w in range(width - reach, reach, -1):
                dy, dx = rows[h - reach - 1][w - reach - 1], columns[h - reach - 1][w - reach - 1]
                pixels[h][w] = pixels[h + dy][w + dx]
    return np.array(pixels)


def glass_blur(image, parameters, offsets):
    sigma, reach, _ = parameters
    moved = shatter(to_uint8(gaussian_blur(image, (sigma,))), offsets, int(reach))
    return gaussian_blur(moved / 255, (sigma,))


def trail(levels, degrees, radius, sigma):
    """ImageMagick's motion blur of whole grey levels, tap by tap; reading beyond an edge gives the edge."""
    height, width = levels.shape[:2]
    weights = np.exp([-(i * i) / (2 * sigma * sigma) for i in range(2 * int(radius) + 1)])
    weights /= weights.sum()
    angle = math.radians(degrees)
    out = np.zeros(levels.shape)
    for i, weight in enumerate(weights):
        rows = np.clip(np.arange(height) + math.ceil(i * math.sin(angle) - 0.5), 0, height - 1)
        columns = np.clip(np.arange(width) + math.ceil(i * math.cos(angle) - 0.5), 0, width - 1)
        out += weight * levels[rows][:, columns]
    quantum = np.floor(out * 257 + 0.5).astype(int)
    return quantum // 257


def motion_blur(image, parameters, degrees):
    return trail(levels_of(image).astype(float), degrees, *parameters) / 255


def snow(image, parameters, flakes, degrees):
    """Only the flakes that the zoom keeps are passed; the rest of the field is filled with what must not show."""
    mean, std, zoom, threshold, radius, sigma, kept = parameters
    field = np.full(image.shape[:2], 9.0)
    (top, left), (rows, columns) = (np.array(field.shape) - flakes.shape) // 2, flakes.shape
    field[top : top + rows, left : left + columns] = flakes
    layer = clipped_zoom((field * std + mean)[..., None], zoom)
    layer[layer < threshold] = 0
    layer = trail(to_uint8(layer).astype(float), degrees, radius, sigma) / 255
    grey = (image @ [0.299, 0.587, 0.114])[..., None]
    bleached = kept * image + (1 - kept) * np.maximum(image, grey * 1.5 + 0.5)
    return bleached + layer + np.rot90(layer, 2)


@lru_cache
def ice(which, scale, height, width):
    """One of the photos, read and resized by OpenCV; one too small for the image is enlarged."""
    import cv2

    name = ["frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"][which]
    photo = cv2.imread(str(texture_folder() / name))[..., ::-1]
    factor = max(scale, (height + 1) / photo.shape[0], (width + 1) / photo.shape[1])
    return cv2.resize(photo, (0, 0), fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)


def frost(image, parameters, which, corner):
    kept, added, scale = parameters
    (height, width), (row, column) = image.shape[:2], corner
    crop = ice(int(which), scale, height, width)[row : row + height, column : column + width]
    return np.clip(kept * levels_of(image) + added * crop, 0, 255) / 255


def plasma(levels, decay):
    """Diamonds and squares, point by point; levels[k] (3, 2**k, 2**k): squares, top and left midpoints."""
    side = 2 ** len(levels)
    height = [[0.0] * side for _ in range(side)]
    wibble, step = 100.0, side
    for level in levels:
        half = step // 2
        squares, tops, lefts = (level * wibble * wibble).tolist()
        corners = [
            (i, j, (i + step) % side, (j + step) % side) for i in range(0, side, step) for j in range(0, side, step)
        ]
        for i, j, i2, j2 in corners:
            mean = (height[i][j] + height[i2][j] + height[i][j2] + height[i2][j2]) / 4
            height[i + half][j + half] = mean + squares[i // step][j // step]
        for i, j, i2, j2 in corners:
            above, before, centre = height[i - half][j + half], height[i + half][j - half], height[i + half][j + half]
            height[i][j + half] = (height[i][j] + height[i][j2] + centre + above) / 4 + tops[i // step][j // step]
            height[i + half][j] = (height[i][j] + height[i2][j] + centre + before) / 4 + lefts[i // step][j // step]
        step, wibble = half, wibble / decay
    heights = np.array(height) - np.min(height)
    return heights / heights.max()


def fog(image, parameters, *levels):
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


def _mud(image, liquid, threshold, sigma):
    cover = ndimage.gaussian_filter((liquid > threshold).astype(float), sigma, mode="nearest", truncate=4.0)
    cover = np.where(cover < 0.8, 0, cover)[..., None]
    return image * (1 - cover) + np.array([63, 42, 20]) / 255 * cover


def _water(image, liquid, strength):
    import cv2

    levels = (liquid * 255).astype(np.uint8)
    to_rim = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), distanceType=cv2.DIST_L2, maskSize=5)
    to_rim = cv2.threshold(to_rim, 20, 20, type=cv2.THRESH_TRUNC)[1]
    shade = cv2.equalizeHist(cv2.blur(to_rim, (3, 3)).astype(np.uint8))
    shade = cv2.filter2D(shade, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    mask = levels * cv2.blur(shade, (3, 3)).astype(float)
    return image + (mask / mask.max())[..., None] * strength * np.array([175, 238, 238]) / 255


def spatter(image, parameters, normal):
    mean, std, sigma, threshold, strength, is_mud = parameters
    liquid = ndimage.gaussian_filter(normal.astype(float) * std + mean, sigma, mode="nearest", truncate=4.0)
    liquid[liquid < threshold] = 0
    return _mud(image, liquid, threshold, strength) if is_mud else _water(image, liquid, strength)


RANDOM = {
    oracle.__name__: oracle
    for oracle in (
        *(gaussian_noise, shot_noise, impulse_noise, glass_blur, motion_blur, snow, frost, fog),
        *(elastic_transform, speckle_noise, spatter),
    )
}
