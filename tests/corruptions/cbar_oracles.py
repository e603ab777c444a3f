"""Slow and obvious restatements of C-bar: one image, NumPy and SciPy in float64, the draws passed in.

Images are float64 arrays (H, W, 3) in [0, 1]; so are the results, before clipping and truncation. What the generator
computes pixel by pixel is a function of a row and a column here, which ``over_pixels`` calls once with all of them.
"""

import math

import numpy as np
from scipy import ndimage


def over_pixels(function, height, width):
    """Evaluate a function of row and column everywhere."""
    return function(*np.mgrid[:height, :width].astype(float))


def one_by_one(function, height, width):
    """Do the same as the generator does, with a call for each pixel."""
    return np.array([[function(float(y), float(x)) for x in range(width)] for y in range(height)])


def read(image, rows, columns):
    """Bilinear, with black all around."""
    planes = [ndimage.map_coordinates(image[..., c], [rows, columns], order=1, mode="grid-constant") for c in range(3)]
    return np.stack(planes, axis=-1)


def noise_of(amplitude, phases, middle, size, every):
    """Noise of one plane: amplitudes by distance, phases repeated by a half turn, the real part over its spread."""
    height, width = size
    columns = [phases, phases[::-1, ::-1]]
    if width % 2:
        column = [*middle, *([0.0] if height % 2 else []), *middle[::-1]]
        columns.insert(1, np.array(column)[:, None])
    distance = every(lambda y, x: np.hypot(y - height / 2, x - width / 2), height, width)
    spectrum = amplitude(distance) * np.exp(1j * np.concatenate(columns, axis=1))
    noise = np.fft.ifft2(np.roll(spectrum, (height // 2, width // 2), axis=(0, 1))).real
    return noise / noise.std()


def blue_noise_sample(image, parameters, phases, middle=(None,), every=over_pixels):
    noise = noise_of(lambda d: d, phases[0], middle[0], image.shape[:2], every)
    return image * (noise > 0.3 * parameters[0] - 2.5)[..., None]


def brownish_noise(image, parameters, phases, middle=(None,) * 3, every=over_pixels):
    planes = [
        noise_of(lambda d: 1 / (d * d + 1), p, m, image.shape[:2], every) for p, m in zip(phases, middle, strict=True)
    ]
    return image + 6.4 * parameters[0] / 255 * np.stack(planes, axis=-1)


def checkerboard_cutout(image, parameters, angle, cell, numbers, every=over_pixels):
    count = int(4 * min(image.shape[:2]) / cell)

    def is_grey(y, x):
        u, v = (np.cos(angle) * y + np.sin(angle) * x) / cell, (np.cos(angle) * x - np.sin(angle) * y) / cell
        chosen = numbers[np.trunc(u).astype(int) % count, np.trunc(v).astype(int) % count] < 0.1 * parameters[0]
        return (np.floor(u) % 2 == np.floor(v) % 2) & chosen

    return np.where(every(is_grey, *image.shape[:2])[..., None], 128 / 255, image)


def star(centre, lengths, exponent):
    """The weight of a pixel: lengths between neighbouring rays are interpolated by angle."""
    count = len(lengths)

    def weight(y, x):
        place = (np.arctan2(x - centre[1], y - centre[0]) + np.pi) / (2 * np.pi) * count
        ray = np.floor(place).astype(int)
        part = place - ray
        length = lengths[ray % count] + part * (lengths[(ray + 1) % count] - lengths[ray % count])
        distance = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        return np.clip((1 - (part - 0.5) ** 2) * (length**2 / (distance + 0.0001)) ** exponent, 0, 1)

    return weight


def sparkles(image, parameters, centres, counts, normals, every=over_pixels):
    radius = 0.01 * parameters[0] * min(image.shape[:2])
    for centre, count, normal in zip(centres, counts, normals, strict=True):
        lengths = np.maximum(1, radius + 0.25 * radius * normal[:count].astype(float))
        image = image + every(star(centre, lengths, 1), *image.shape[:2])[..., None] * (1 - image)
    return image


def inverse_sparkles(image, parameters, centres, counts, normals, every=over_pixels):
    radius = 0.25 * min(image.shape[:2])
    lengths = radius + 0.25 * radius * normals[0][: counts[0]].astype(float)
    kept = every(star(centres[0], lengths, 0.13 * parameters[0]), *image.shape[:2])
    return 1 + kept[..., None] * (image - 1)


def pinch_and_twirl(image, parameters, signs, every=over_pixels):
    """Cell by cell, in the place of the image, as the generator does."""
    height, width = image.shape[:2]
    side = min(height, width) // (5 if min(height, width) == 224 else 3)
    angle, amount = parameters[0] * np.pi / 20, 0.04 * parameters[0] + 0.1
    out = image.copy()
    for (i, j), sign in np.ndenumerate(signs):
        middle = i * side + side / 2, j * side + side / 2
        y, x = np.mgrid[i * side : (i + 1) * side, j * side : (j + 1) * side]

        def source(dy, dx, sign=sign):
            distance = np.hypot(dy, dx)
            share = np.maximum(distance / (side / 2), 1e-9)
            turn, stretch = sign * angle * (1 - share) ** 2, np.sin(np.pi * share / 2) ** -amount
            moves = (distance <= side / 2) & (np.round(distance, 3) != 0)
            rows, columns = (dy * np.cos(turn) - dx * np.sin(turn)), (dy * np.sin(turn) + dx * np.cos(turn))
            return np.where(moves, stretch * rows, dy), np.where(moves, stretch * columns, dx)

        places = every(lambda y, x, f=source: np.stack(f(y - side / 2, x - side / 2), axis=-1), side, side)
        out[y, x] = read(out, middle[0] + places[..., 0], middle[1] + places[..., 1])
    return out


def ripple(image, parameters, wavelengths, phases, every=over_pixels):
    amplitude = 0.0025 * parameters[0] * min(image.shape[:2])

    def source(y, x):
        places = [
            place + amplitude * np.sin(2 * np.pi * place / wavelengths[axis] + phases[axis])
            for axis, place in enumerate((y, x))
        ]
        return np.stack(places, axis=-1)

    places = every(source, *image.shape[:2])
    return read(image, places[..., 0], places[..., 1])


def circular_motion_blur(image, parameters):
    """SciPy's rotations; which way is all the same, as both are there."""
    steps = np.linspace(-1, 1, 21)
    weights = np.exp(-2 * steps**2)
    turned = [ndimage.rotate(image, step * 1.5 * parameters[0], reshape=False, order=3) for step in steps]
    return np.average(turned, axis=0, weights=weights)


def lines(image, parameters, direction, spread, numbers):
    height, width = image.shape[:2]
    side = min(height, width)
    levels = np.rint(image * 255)
    y, x = np.mgrid[:height, :width]
    for u1, u2, u3 in numbers:
        angle = direction + 2 * np.pi * spread * (u3 - 0.5)
        row, column, down, across = u1 * height, u2 * width, side * np.cos(angle), side * np.sin(angle)
        r0, c0, r1, c1 = (int(end) for end in (row - down, column - across, row + down, column + across))
        distance = np.abs((r1 - r0) * (x - c0) - (c1 - c0) * (y - r0)) / math.hypot(r1 - r0, c1 - c0)
        is_near = (distance < 1) & (y >= min(r0, r1)) & (y <= max(r0, r1)) & (x >= min(c0, c1)) & (x <= max(c0, c1))
        share = np.where(is_near, 1 - distance, 0)[..., None]
        levels = np.floor((1 - share) * levels + share * 128 + 1e-9)
    return levels / 255


def transverse_chromatic_abberation(image, parameters, order):
    """SciPy's zoom, which rounds what it writes to 8 bits half up."""
    size = image.shape[:2]
    planes = []
    for channel, k in enumerate(order):
        zoomed = ndimage.zoom(
            np.rint(image[..., channel] * 255), 1 + 0.025 * k * parameters[0], order=3, prefilter=False
        )
        top, left = (zoomed.shape[0] - size[0]) // 2, (zoomed.shape[1] - size[1]) // 2
        planes.append(np.floor(zoomed[top : top + size[0], left : left + size[1]] + 0.5 + 1e-9))
    return np.stack(planes, axis=-1) / 255


def caustic_light(time, size):
    def light(y, x):
        start = np.stack([(y / size) % 1, (x / size) % 1]) * 6.28318530718 - 250
        now, total = start, 1.0
        for n in range(5):
            t = time * (1 - 3.5 / (n + 1))
            turned = np.stack([np.cos(t - now[0]) + np.sin(t + now[1]), np.sin(t - now[1]) + np.cos(t + now[0])])
            now = start + turned
            steep = start / np.stack([np.sin(now[0] + t), np.cos(now[1] + t)]) * 0.005
            total = total + 1 / np.hypot(*steep)
        return np.clip(np.abs(1.17 - (total / 5) ** 1.4) ** 8, 0, 1)

    return light


def caustic_refraction(image, parameters, time, size, every=over_pixels):
    height, width = image.shape[:2]
    lens, brightness = 0.05 * parameters[0] * min(height, width), 0.2 * parameters[0]
    soft = np.pad(ndimage.gaussian_filter(every(caustic_light(time, size), height, width), 1, mode="reflect"), 1)

    def bent(y, x):
        r, c = np.asarray(y, dtype=int) + 1, np.asarray(x, dtype=int) + 1
        slope = np.stack([soft[r + 1, c] - soft[r - 1, c], soft[r, c + 1] - soft[r, c - 1]])
        upright = 1 / np.sqrt(1 + (slope**2).sum(axis=0))
        angle = np.maximum(np.arccos(upright), 1e-9)
        bend = lens * np.sin(angle - np.arcsin(np.sin(angle) / 4)) / np.sin(angle)
        shift = np.where(upright >= 0.999, 0, np.round(bend * slope * upright, 3))
        return np.stack([y + shift[0], x + shift[1], slope[0] - slope[1]], axis=-1)

    places = every(bent, height, width)
    return read(image, places[..., 0], places[..., 1]) + brightness * places[..., 2:]


def gradient_noise(y, x, table, gradients):
    """Classic: corners' gradients by hashing, smooth weights, along the rows first."""
    a, b = np.floor(y).astype(int), np.floor(x).astype(int)
    ty, tx = y - a, x - b

    def corner(i, j):
        gradient = gradients[table[(table[(a + i) % 256] + (b + j) % 256) % 256]]
        return gradient[..., 0] * (ty - i) + gradient[..., 1] * (tx - j)

    sy, sx = (3 * t**2 - 2 * t**3 for t in (ty, tx))
    near, far = (corner(0, j) + sy * (corner(1, j) - corner(0, j)) for j in (0, 1))
    return 1.5 * (near + sx * (far - near))


def perlin_noise(image, parameters, table, gradients, every=over_pixels):
    alpha, cell = 0.05 * parameters[0], min(image.shape[:2]) / 7

    def veil(y, x):
        octaves = [abs(gradient_noise(f * y / cell, f * x / cell, table, gradients)) / f for f in (1, 2, 4, 8, 16)]
        return np.clip(0.5 + 0.5 * sum(octaves), 0, 1)

    return (1 - alpha) * image + alpha * every(veil, *image.shape[:2])[..., None]


def plasma_noise(image, parameters, time, count, sharpness, scale, every=over_pixels):
    share = 6.4 * parameters[0] / 255

    def colour(y, x):
        x, y, frequency, slow, fall = x / scale, y / scale, 1.0, 1.0, 1.0
        for _ in range(count):
            c, d = np.cos(y * frequency + time / slow) / fall, np.sin(x * frequency + time / slow) / fall
            x, y = x + c - 0.3 * d, y + d + 0.3 * c
            frequency, slow, fall = frequency * 1.93, slow * 1.15, fall * (2.25 - sharpness)
        return np.stack([np.sin(x - time), np.sin((x + y + np.sin(time)) / 2), np.sin(y + time)], axis=-1)

    return (1 - share) * image + share * every(colour, *image.shape[:2])


def cocentric_sine_waves(image, parameters, centre, frequency, amplitude, ring, every=over_pixels):
    def saw(y, x):
        dx, dy = x - centre[0], y - centre[1]
        radius = np.hypot(dx, dy) + amplitude * np.sin(frequency * np.arctan2(dx, dy))
        return (radius % ring) / ring - 0.5

    return image + 12.8 * parameters[0] / 255 * every(saw, *image.shape[:2])[..., None]


def single_frequency_greyscale(image, parameters, frequency, phase, every=over_pixels):
    wave = every(lambda y, x: np.sin(frequency[0] * x + frequency[1] * y + phase), *image.shape[:2])
    return image + 19.6 * parameters[0] / 255 * wave[..., None]


WITHOUT_DRAWS = {"circular_motion_blur": circular_motion_blur}
BY_PIXELS = {
    oracle.__name__: oracle
    for oracle in (
        blue_noise_sample,
        brownish_noise,
        checkerboard_cutout,
        sparkles,
        inverse_sparkles,
        pinch_and_twirl,
        ripple,
        caustic_refraction,
        perlin_noise,
        plasma_noise,
        cocentric_sine_waves,
        single_frequency_greyscale,
    )
}
WITH_DRAWS = BY_PIXELS | {oracle.__name__: oracle for oracle in (lines, transverse_chromatic_abberation)}
