"""AES-128 of many blocks at once: on the CPU by OpenSSL, whose vector instructions do it, elsewhere by tensor code.

Source: FIPS 197. Both ways give the same words; Random123 calls this generator ``aesni4x32``.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

BLOCK_BYTES = 16
_ROUNDS = 10
_POLYNOMIAL = 0x11B


def encrypt_bytes(blocks: npt.NDArray[np.uint8], key: bytes) -> npt.NDArray[np.uint8]:
    """Encrypt blocks on the CPU.

    Args:
        blocks: uint8, shape (n * 16,), contiguous.
        key: 16 bytes.

    Returns:
        uint8, shape (n * 16,).
    """
    # Here, because importing it takes longer than most commands' help.
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    # OpenSSL asks for room for one more block, which it does not fill.
    encrypted = np.empty(len(blocks) + BLOCK_BYTES - 1, dtype=np.uint8)
    written = Cipher(AES(key), ECB()).encryptor().update_into(blocks.data, encrypted.data)
    return encrypted[:written]


def _times(a: int, b: int) -> int:
    """Multiply two elements of the field of 256."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (_POLYNOMIAL if a & 0x80 else 0)
        b >>= 1
    return product


@lru_cache(maxsize=1)
def substitution() -> tuple[int, ...]:
    """Return the 256 bytes of the S-box: the inverse in the field, then the affine map (FIPS 197, section 5.1.1)."""
    # 3 generates the field's multiplicative group, of order 255.
    powers = [1]
    while len(powers) < 255:
        powers.append(_times(powers[-1], 3))
    inverse = {power: powers[-index % 255] for index, power in enumerate(powers)} | {0: 0}
    turned = ([inverse[x] << shift for shift in range(5)] for x in range(256))
    return tuple(0x63 ^ np.bitwise_xor.reduce([t & 0xFF ^ t >> 8 for t in each]).item() for each in turned)


def round_keys(key: bytes) -> Tensor:
    """Expand a key of 16 bytes (FIPS 197, section 5.2).

    Returns:
        int32 (11, 4): for each round the four columns, the first byte in the lowest bits.
    """
    box, constant = substitution(), 1
    columns = [list(key[start : start + 4]) for start in range(0, BLOCK_BYTES, 4)]
    for index in range(4, 4 * (_ROUNDS + 1)):
        last = columns[-1]
        if index % 4 == 0:
            last = [box[byte] for byte in (*last[1:], last[0])]
            last[0] ^= constant
            constant = _times(constant, 2)
        columns.append([a ^ b for a, b in zip(columns[index - 4], last, strict=True)])
    return _words(columns).view(-1, 4)


def _words(columns: list[list[int]]) -> Tensor:
    """Read columns of four bytes, the first in the lowest bits, as int32."""
    return torch.from_numpy(np.array(columns, dtype=np.uint8).reshape(-1).view("<i4").astype(np.int32))


@lru_cache(maxsize=8)
def _tables(device: torch.device) -> Tensor:
    """Substitution and mixing of columns in one look-up for each byte of a column, and substitution alone.

    Returns:
        int32 (8, 256): for the byte in row r the table r, and 4 + r in the last round, which does not mix.
    """
    box = substitution()
    mixed = [[_times(s, factor) for factor in (2, 1, 1, 3)] for s in box]
    rows = [[column[-r:] + column[:-r] for column in mixed] for r in range(4)]
    rows += [[[s if row == r else 0 for row in range(4)] for s in box] for r in range(4)]
    return torch.stack([_words(row) for row in rows]).to(device)


def _encrypted(columns: Tensor, keys: Tensor, tables: Tensor) -> Tensor:
    """Encrypt int32 columns (..., 4) with the keys (11, 4)."""
    state = (columns ^ keys[0]).unbind(-1)
    for number in range(1, _ROUNDS + 1):
        of_round = tables[:4] if number < _ROUNDS else tables[4:]
        found = []
        for column in range(4):
            # The rows are shifted: row r comes from r columns further.
            word = keys[number, column]
            for row in range(4):
                byte = (state[(column + row) % 4] >> 8 * row) & 0xFF
                word = word ^ of_round[row][byte]
            found.append(word)
        state = tuple(found)
    return torch.stack(state, dim=-1)


def encrypt_columns(columns: Tensor, key: bytes) -> Tensor:
    """Encrypt blocks on the device that they are on.

    Args:
        columns: int32 (..., 4): the bits of 32-bit words, lowest byte first.
        key: 16 bytes.

    Returns:
        int32 of the same shape.
    """
    result: Tensor = _encrypted(columns, round_keys(key).to(columns.device), _tables(columns.device))
    return result
