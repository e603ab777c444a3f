"""Times imagecorruptions, one image after the other; run by the interpreter of the legacy environment.

Usage: ``python legacy_worker.py IMAGES.npy TABLE``. The array is uint8 (N, H, W, 3). ``TABLE`` is ``imagenet`` (the
package as installed) or ``cifar`` (the same functions with the constants of the CIFAR generator). The first line on
stdout is a JSON object of versions and threads; each request line on stdin, such as
``{"corruption": "fog", "severity": 3, "images": 10}``, is answered with ``{"seconds": 0.04}``.
Needs only the standard library and what legacy-requirements.txt installs.
"""

import ast
import inspect
import json
import pathlib
import platform
import sys
import textwrap
import time
import warnings

import numpy as np

# ruff: noqa: NPY002 (the reference draws from numpy's global generator)

# Severities 1 to 5 of the published CIFAR generator, in the form in which the package writes its own.
CIFAR = {
    "gaussian_noise": [0.04, 0.06, 0.08, 0.09, 0.10],
    "shot_noise": [500, 250, 100, 75, 50],
    "impulse_noise": [0.01, 0.02, 0.03, 0.05, 0.07],
    "speckle_noise": [0.06, 0.1, 0.12, 0.16, 0.2],
    "gaussian_blur": [0.4, 0.6, 0.7, 0.8, 1],
    "defocus_blur": [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
    "glass_blur": [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
    "motion_blur": [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
    "zoom_blur": [np.arange(1, end, 0.01) for end in (1.06, 1.11, 1.16, 1.21, 1.26)],
    "snow": [
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ],
    "frost": [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
    "fog": [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
    "brightness": [0.05, 0.1, 0.15, 0.2, 0.3],
    "contrast": [0.75, 0.5, 0.4, 0.3, 0.15],
    # field strength, field sigma and jitter of the affine map, as multiples of the side of 32 pixels
    "elastic_transform": [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
    "pixelate": [0.95, 0.9, 0.85, 0.75, 0.65],
    "jpeg_compression": [80, 65, 58, 50, 40],
    "spatter": [
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ],
    "saturate": [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)],
}
FROST_FILES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
FROST_SCALE = 0.2


def with_constants(function, constants):
    """Recompile ``function`` with the list that it indexes by ``severity - 1`` replaced by ``constants``.

    Raises:
        ValueError: If the function does not index exactly one list by the severity.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    lists = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.List) and _is_severity(node.slice)
    ]
    if len(lists) != 1:
        raise ValueError(f"{function.__name__} indexes {len(lists)} lists by severity - 1, expected 1")
    lists[0].value = ast.Name("severity_constants", ast.Load())
    scope = {**function.__globals__, "severity_constants": constants}
    exec(compile(ast.fix_missing_locations(tree), inspect.getfile(function), "exec"), scope)
    return scope[function.__name__]


def _is_severity(index):
    return ast.unparse(index) == "severity - 1"


def cifar_frost(image, severity):
    """Blend in a crop of a texture that is read and shrunk for each image, as the CIFAR generator does."""
    import cv2
    import imagecorruptions

    kept, added = CIFAR["frost"][severity - 1]
    folder = pathlib.Path(imagecorruptions.__file__).parent / "frost"
    texture = cv2.imread(str(folder / FROST_FILES[np.random.randint(5)]))
    texture = cv2.resize(texture, (0, 0), fx=FROST_SCALE, fy=FROST_SCALE)
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    row = np.random.randint(0, texture.shape[0] - height)
    column = np.random.randint(0, texture.shape[1] - width)
    ice = texture[row : row + height, column : column + width, ::-1]
    return np.clip(kept * pixels + added * ice, 0, 255)


def cifar_elastic_transform(image, severity):
    """Warp by a random affine map, then by a smooth random field, as the CIFAR generator does."""
    import cv2
    from scipy.ndimage import map_coordinates
    from skimage.filters import gaussian

    pixels = np.array(image, dtype=np.float32) / 255.0
    height, width, channels = pixels.shape
    alpha, sigma, jitter = (multiple * 32 for multiple in CIFAR["elastic_transform"][severity - 1])
    centre, third = np.float32((height, width)) // 2, min(height, width) // 3
    anchors = np.float32([centre + third, [centre[0] + third, centre[1] - third], centre - third])
    moved = anchors + np.random.uniform(-jitter, jitter, size=anchors.shape).astype(np.float32)
    affine = cv2.getAffineTransform(anchors, moved)
    pixels = cv2.warpAffine(pixels, affine, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    dx, dy = (
        (gaussian(np.random.uniform(-1, 1, size=(height, width)), sigma, mode="reflect", truncate=3) * alpha).astype(
            np.float32
        )[..., np.newaxis]
        for _ in range(2)
    )
    x, y, z = np.meshgrid(np.arange(width), np.arange(height), np.arange(channels))
    places = [np.reshape(axis, (-1, 1)) for axis in (y + dy, x + dx, z)]
    warped = map_coordinates(pixels, places, order=1, mode="reflect").reshape(pixels.shape)
    return np.clip(warped, 0, 1) * 255


def use_cifar_constants(functions):
    """Replace each of the package's functions by its CIFAR form."""
    own = {"frost": cifar_frost, "elastic_transform": cifar_elastic_transform}
    for name, function in functions.items():
        functions[name] = own.get(name) or with_constants(function, CIFAR[name])


def accept_multichannel():
    """Let the package call scikit-image's Gaussian filter by the keyword that it was written for.

    The last scikit-image with the keyword has no wheels for Python 3.11; the filter beneath is the same.
    """
    from imagecorruptions import corruptions
    from skimage.filters import gaussian

    def filtered(image, *args, multichannel=False, **options):
        return gaussian(image, *args, channel_axis=-1 if multichannel else None, **options)

    corruptions.gaussian = filtered


def describe():
    """Return the versions and threads of this side."""
    from importlib.metadata import version

    import cv2

    names = ("imagecorruptions", "numpy", "scipy", "scikit-image", "pillow")
    versions = {name: version(name) for name in names}
    return {"python": platform.python_version(), **versions, "opencv": cv2.__version__, "threads": cv2.getNumThreads()}


def main():
    """Answer requests until stdin ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # the package prints
    warnings.simplefilter("ignore")
    import imagecorruptions

    accept_multichannel()
    images = np.load(sys.argv[1])
    if sys.argv[2] == "cifar":
        use_cifar_constants(imagecorruptions.corruption_dict)
    print(json.dumps(describe()), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        name, severity = request["corruption"], request["severity"]
        begun = time.perf_counter()
        for image in images[: request["images"]]:
            imagecorruptions.corrupt(image, corruption_name=name, severity=severity)
        print(json.dumps({"seconds": time.perf_counter() - begun}), file=answers, flush=True)


if __name__ == "__main__":
    main()
