"""Junk of every kind for fuzz_inputs.py: files that are damaged or hostile, and strings that no option can take.

A case is the arguments of a command, and names one of which has to be in the sentence that refuses it.
"""

import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from robustsweep.printable import printable

NETWORK = "torchvision:resnet18,weights=random,classes=10,input_size=32"
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "\udc80",
        "a\nb",
        "\x1b]0;title\x07",
        "[red]bold[/red]",
        "x" * 100_000,
        "[" * 5000,
        '{"a":' * 5000,
    ),
    *("9" * 5000, "-1", "0", "1e999", "nan", "inf", "-inf", "\u0663", "\u00b2", "1_0", "0x10", "1.5", "true"),
    *("=1+1", "../..", "/dev/zero", "/dev/full", "/", ".", "missing/file", "y" * 300, "a,b=c", ",", "a,,", "a=b", "::"),
    *(
        "\u202egnp",
        "\ufeff",
        "1/0",
        "0/0",
        "1/" + "9" * 5000,
        "--help=1",
        "-",
        "@",
        "fog@9",
        "fog@\u00b2",
        "pgd@1",
        "*",
    ),
)
OPTIONS = {
    "sweep": {
        "base": ["sweep", "--checkpoint", NETWORK, "--suite", "clean", "--limit", "10", "--no-audit", "--dry-run"],
        "names": (
            *("--checkpoint", "--data", "--suite", "--out", "--limit", "--device", "--workers", "--batch-size"),
            *("--seed", "--shard", "--models-at-once", ""),
        ),
    },
    "train": {
        "base": ["train", "--limit", "20", "--epochs", "1"],
        "names": (
            *("--method", "--data", "--arch", "--recipe", "--seed", "--epochs", "--limit", "--shard", "--device"),
            *("--workers", "--keep", "--out", ""),
        ),
    },
    "report": {"base": ["report", "."], "names": ("--out", "--format", "--reference", "")},
    "compare": {
        "base": ["compare", ".", "--method", "a", "--against", "b"],
        "names": ("--method", "--against", "--metric", "--reference", "--out", ""),
    },
    "gate": {
        "base": ["gate", ".", "--baseline", "baseline.npz"],
        "names": ("--baseline", "--margin", "--junit", "--write-baseline", ""),
    },
    "publish": {
        "base": ["publish", ".", "--format", "hf-eval-results"],
        "names": ("--format", "--out", "--organization", "--relationship", "--model", "--dataset", "--source-url"),
    },
    "corrupt": {
        "base": ["corrupt", "--data", "digits", "--suite", "contrast@1", "--out", "set", "--limit", "10"],
        "names": ("--data", "--suite", "--out", "--limit", "--seed", "--workers", "--device", "--layout"),
    },
    "attribute": {
        "base": ["attribute", NETWORK, "--images", "2", "--maps", "guided_backprop", "--window-maps", "none"],
        "names": (
            *("--data", "--maps", "--window-maps", "--images", "--target", "--out", "--seed", "--device", "--workers"),
            "--batch-size",
        ),
    },
    "convert": {"base": ["convert", NETWORK], "names": ("",)},
    "list": {"base": ["list", "methods"], "names": ("--gallery", "")},
    "demo": {"base": ["demo", "--limit", "0"], "names": ("--limit", "--seed")},
}
# What refusals name in place of an option: its argument, or another option that is wrong too.
_GENERAL = ("argument", "--limit", "--baseline", "must end in", "Seeds", "the command")


@dataclass(frozen=True)
class Case:
    """One command with junk in it.

    Attributes:
        kind: Of the junk, for the list of failures.
        arguments: Of the command line.
        names: One of them has to be in the sentence of exit code 2; none: any sentence will do.
    """

    kind: str
    arguments: list[str]
    names: tuple[str, ...] = ()


def options(generator: random.Random) -> Iterator[Case]:
    """Yield junk for every option of every command, without end."""
    while True:
        command, option, text = next(_chosen(generator))
        base = OPTIONS[command]["base"]
        before = [*base, option] if option else [*base]
        value = [text] if option or not text.startswith("-") else ["--", text]
        names = (
            option,
            option.strip("-"),
            printable(text[:20]),
            "argument",
            "--limit",
            "--baseline",
            "must end in",
            "Seeds",
            "the command",
        )
        yield Case(f"option {command} {option}".strip(), [*before, *value], names)


def _chosen(generator: random.Random) -> Iterator[tuple[str, str, str]]:
    command = generator.choice(list(OPTIONS))
    yield command, generator.choice(OPTIONS[command]["names"]), generator.choice(TEXTS)


def methods(generator: random.Random) -> Iterator[Case]:
    """Yield methods with junk for parameters."""
    places = (("cutmix", "alpha"), ("randommix", "weights"), ("choice", "operations"), ("dropblock", "layers"))
    while True:
        method, parameter = generator.choice(places)
        text = f"{method},{parameter}={generator.choice(TEXTS)}"
        yield Case(
            "method", ["train", "--limit", "20", "--epochs", "1", "--method", text], (method, "--method", "method spec")
        )


def plans(generator: random.Random, folder: Path) -> Iterator[Case]:
    """Yield TOML plans and recipes with junk in them."""
    values = (
        *("9" * 5000, '"\\u0000"', "[" * 5000, "nan", "-inf", "1e400", "[[1],[[2]]]", "{a = {b = {c = 1}}}", '""'),
        *("-1", "0", "9223372036854775808", "1979-05-27", "true", '"' + "x" * 100_000 + '"', '"\\u001b]0;t"', "[]"),
        *("{" * 2000, "'''a", "\x00", "\ud800", '["a", 1]', "[{}]", "0x7fffffffffffffffffff", '"=1+1"', '"/dev/zero"'),
    )
    keys = (
        *("checkpoints", "data", "suites", "out", "limit", "seed", "device", "workers", "batch_size", "shard"),
        *("models_at_once", "final_jpeg", "audit", "train", "compare", "unknown", ".".join("a" * 50_000)),
        *("train.methods", "train.recipe", "train.epochs", "train.arch", "compare.methods", "compare.reference"),
        *("epochs", "batch_size", "learning_rate", "crop_size", "drops_at", "norm"),
    )
    for number in range(10**9):
        path = folder / f"plan{number}.toml"
        text = f"{generator.choice(keys)} = {generator.choice(values)}\n".encode("utf-8", "surrogatepass")
        path.write_bytes(_damaged(text, generator) if generator.random() < 0.3 else text)
        command = generator.choice(("sweep", "train", "compare", "recipe"))
        arguments = {
            "sweep": ["sweep", str(path), "--dry-run"],
            "train": ["train", str(path)],
            "compare": ["compare", str(path)],
            "recipe": ["train", "--limit", "20", "--recipe", str(path)],
        }[command]
        yield Case(f"plan {command}", arguments, (path.name, "--checkpoint", "train", "method", "data", "suite"))


def _damaged(content: bytes, generator: random.Random) -> bytes:
    """Cut, overwrite or repeat part of a file."""
    if not content:
        return b"\0"
    place = generator.randrange(len(content))
    way = generator.randrange(4)
    if way == 0:
        return content[:place]
    if way == 1:
        return content[:place] + generator.randbytes(8) + content[place + 8 :]
    if way == 2:
        return content[:place] + content[place // 2 :]
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _weights(generator: random.Random) -> bytes:
    file = io.BytesIO()
    things: list[object] = [
        *({"w": torch.zeros(2, 2)}, torch.zeros(1).expand(40_000_000, 64), [1, 2], None, {"a": {"b": {}}}),
        *({"\x1b]0;x\x07": torch.ones(1)}, {"state_dict": {1: 2}}, {"fc.weight": torch.full((10, 64), float("nan"))}),
    ]
    torch.save(generator.choice(things), file)
    return file.getvalue()


def _card(generator: random.Random) -> bytes:
    cards: list[object] = [
        *({"classes": 50_000_000}, {"architecture": "torchvision:vit_h_14"}, {"classes": 1e999}, None, [], "x"),
        *({"normalisation": {"mean": [float("nan")]}}, {"architecture": "\x1b"}, {"seed": -1, "classes": "ten"}),
    ]
    metadata = {"card": json.dumps(generator.choice(cards)), "robustsweep": json.dumps(generator.choice(cards))}
    header = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    length = generator.choice([len(header), 10**15, 0])
    return struct.pack("<Q", length) + header.encode() + b"\0" * 4


def _npz(generator: random.Random) -> bytes:
    shape = generator.choice(("(1000000000000,)", "(10**30,)", "(-1, 3)", "(" * 9000, "(3,)", "(2, 32, 32, 3)", "()"))
    dtype = generator.choice(("'|u1'", "'|O'", "'<f8'", "'<U99999999'", "[('a', '<i4')]"))
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) % 65536) + header + b"\0" * 64
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in generator.choice((("images", "labels"), ("images",), ("x",), ())):
            archive.writestr(f"{name}.npy", array)
    return file.getvalue()


def _npy(generator: random.Random) -> bytes:
    file = io.BytesIO()
    np.save(file, generator.choice([np.zeros((5, 32, 32, 3), np.uint8), np.zeros(5), np.full((5, 3), np.nan)]))
    return file.getvalue()


def _cifar(generator: random.Random) -> bytes:
    batches: list[bytes] = [
        b"\x80\x02Nr\x00\x00\x00\x20.",
        pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 99]}, protocol=2),
        pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0.5, 1, "a", None]}, protocol=2),
        pickle.dumps({b"data": np.zeros((4, 7), np.float64), b"labels": [0]}, protocol=2),
        pickle.dumps(print, protocol=2),
        b"cos\nsystem\n(S'true'\ntR.",
    ]
    return generator.choice(batches)


def _image(generator: random.Random) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, generator.choice(("PNG", "JPEG", "GIF", "BMP")))
    return file.getvalue()


def _archive(generator: random.Random) -> bytes:
    file, name = io.BytesIO(), generator.choice(("cat/1.png", "../evil.png", "/abs.png", "cat/" + "d/" * 500 + "1.png"))
    if generator.random() < 0.5:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, b"\0" * generator.choice((10, 10**8)))
        return file.getvalue()
    with tarfile.open(fileobj=file, mode=generator.choice(("w", "w:gz"))) as tar:
        member = tarfile.TarInfo(name)
        member.size = generator.choice((0, 10, 10**7))
        member.type = generator.choice((tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE))
        tar.addfile(member, io.BytesIO(b"\0" * member.size))
    return file.getvalue()


_SWEEP = ["sweep", "--suite", "clean", "--limit", "4", "--no-audit", "--out", "swept"]
Made = Callable[[random.Random], bytes]
_FILES: dict[str, tuple[Made, str, tuple[str, ...]]] = {
    "pth": (_weights, "net.pth", ("--checkpoint", "{file},arch=resnet20,norm=cifar10")),
    "safetensors": (_card, "net.safetensors", ("--checkpoint", "{file}")),
    "npz": (_npz, "set.npz", ("--checkpoint", NETWORK, "--data", "npz:{file}")),
    "npy": (_npy, "set/fog.npy", ("--checkpoint", NETWORK, "--data", "cifar10-c:{folder}")),
    "cifar": (_cifar, "set/test_batch", ("--checkpoint", NETWORK, "--data", "cifar10:{folder}")),
    "image": (_image, "set/cat/1.png", ("--checkpoint", NETWORK, "--data", "imagefolder:{folder}")),
    "archive": (_archive, "set.tar", ("--checkpoint", NETWORK, "--data", "imagefolder:{file}")),
}


def files(kind: str, generator: random.Random, folder: Path) -> Iterator[Case]:
    """Yield files of one kind, half of them damaged once more."""
    make, name, pattern = _FILES[kind]
    for number in range(10**9):
        path = folder / f"{kind}{number}" / name
        path.parent.mkdir(parents=True)
        if kind == "npy":
            (path.parent / "labels.npy").write_bytes(_npy(generator))
        content = make(generator)
        path.write_bytes(_damaged(content, generator) if generator.random() < 0.5 else content)
        places = {"file": str(path), "folder": str(folder / f"{kind}{number}" / name.split("/")[0])}
        yield Case(
            kind, [*_SWEEP, *(part.format(**places) for part in pattern)], (f"{kind}{number}", path.name, "set has")
        )


KINDS = ("option", "method", "plan", *_FILES)


def cases(kind: str, seed: int, folder: Path) -> Iterator[Case]:
    """Yield junk of one kind without end, the same for a seed."""
    generator = random.Random(f"{kind}/{seed}")
    if kind == "option":
        return options(generator)
    if kind == "method":
        return methods(generator)
    return plans(generator, folder) if kind == "plan" else files(kind, generator, folder)
