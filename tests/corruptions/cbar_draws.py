"""The draws behind the original C-bar pixels, as the generator recorded them or as its seeds repeat them."""

import numpy as np
import torch


def draws_of(file, name, severity, shape):
    """Collect one cell's draws as the fields of our formula, tensors whose first dimension is the image.

    Args:
        file: The archive of reference pixels and draws.
        name: A corruption.
        severity: 1 to 5.
        shape: Height and width of the images.
    """
    recorded = {
        key.removeprefix(f"{name}."): file[key][severity - 1] for key in file.files if key.startswith(f"{name}.")
    }
    fields = FIELDS[name](recorded, shape, severity)
    return tuple(torch.from_numpy(np.ascontiguousarray(field)) for field in fields)


def streams(recorded):
    return [np.random.RandomState(int(seed)) for seed in recorded["seed"]]


def phases(recorded, planes, shape):
    half = (planes, shape[0], shape[1] // 2)
    drawn = [stream.uniform(0, 2 * np.pi, half) for stream in streams(recorded)]
    return (np.stack(drawn).astype(np.float32),)


def board(recorded, shape, severity):
    cell, grids = recorded["scales"][:, 0], np.ones((len(recorded["seed"]), 40, 40), dtype=np.float32)
    for grid, stream, side in zip(grids, streams(recorded), cell, strict=True):
        count = int(4 * shape[0] / side)
        grid[:count, :count] = stream.uniform(size=(count, count))
    return recorded["angle"], cell, grids


def stars(centres, counts, recorded):
    normals = np.zeros((*counts.shape, 199), dtype=np.float32)
    for stream, image, lengths in zip(streams(recorded), counts, normals, strict=True):
        for count, rays in zip(image, lengths, strict=True):
            rays[:count] = stream.randn(count)
    return centres, counts, normals


def grey_lines(recorded, shape, severity):
    count = int((0.5, 1, 1.5, 2, 2.5)[severity - 1] * 0.1 * shape[0])
    numbers = [stream.uniform(size=(count, 3)) for stream in streams(recorded)]
    return recorded["angle"], recorded["angle_variation"], np.stack(numbers)


def lattice(recorded, shape, severity):
    permutations, gradients = [], []
    for stream in streams(recorded):
        points = stream.randint(0, 2**31, (514, 2)) % 512 - 256.0
        gradients.append((points / np.hypot(*points.T)[:, None])[:256].astype(np.float32))
        table = list(range(256))
        for place in range(255, -1, -1):
            partner = stream.randint(0, 2**31) % 256
            table[place], table[partner] = table[partner], table[place]
        permutations.append(table)
    return np.array(permutations), np.stack(gradients)


FIELDS = {
    "blue_noise_sample": lambda recorded, shape, severity: phases(recorded, 1, shape),
    "brownish_noise": lambda recorded, shape, severity: phases(recorded, 3, shape),
    "checkerboard_cutout": board,
    "sparkles": lambda recorded, shape, severity: stars(recorded["centers"], recorded["nrays"], recorded),
    "inverse_sparkles": lambda recorded, shape, severity: stars(
        recorded["center"][:, None], recorded["rays"][:, None], recorded
    ),
    # Recorded column by column.
    "pinch_and_twirl": lambda recorded, shape, severity: (
        np.sign(recorded["angles"]).astype(np.int64).transpose(0, 2, 1),
    ),
    "ripple": lambda recorded, shape, severity: (recorded["wavelengths"], recorded["phases"]),
    "circular_motion_blur": lambda recorded, shape, severity: (),
    "lines": grey_lines,
    "transverse_chromatic_abberation": lambda recorded, shape, severity: (recorded["scales"].argsort(1).argsort(1),),
    "caustic_refraction": lambda recorded, shape, severity: (recorded["time"], recorded["size"]),
    "perlin_noise": lattice,
    "plasma_noise": lambda recorded, shape, severity: tuple(
        recorded[draw] for draw in ("time", "iterations", "sharpness", "scale")
    ),
    "cocentric_sine_waves": lambda recorded, shape, severity: tuple(
        recorded[draw] for draw in ("offset", "freq", "amplitude", "ring_width")
    ),
    "single_frequency_greyscale": lambda recorded, shape, severity: (recorded["freq"], recorded["phase"]),
}
