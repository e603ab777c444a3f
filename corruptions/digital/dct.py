"""The 8 x 8 cosine transforms of libjpeg, in the integers that it computes them in.

Source: the transforms that libjpeg calls "islow", after Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT
algorithms with 11 multiplications" (ICASSP 1989): constants of 13 fractional bits, and 2 more bits kept between the
passes along rows and columns. Every coefficient and every pixel has libjpeg's bits.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_BITS, _BITS_BETWEEN = 13, 2


def _fixed(constant: float) -> int:
    return int(constant * 2**_BITS + 0.5)


_C0_298, _C0_390, _C0_541, _C0_765 = map(_fixed, (0.298631336, 0.390180644, 0.541196100, 0.765366865))
_C0_899, _C1_175, _C1_501, _C1_847 = map(_fixed, (0.899976223, 1.175875602, 1.501321110, 1.847759065))
_C1_961, _C2_053, _C2_562, _C3_072 = map(_fixed, (1.961570560, 2.053119869, 2.562915447, 3.072711026))

Line = tuple[Tensor, ...]


def _descaled(values: Tensor, bits: int) -> Tensor:
    """Divide by a power of two, rounding, in place."""
    return values.add_(1 << (bits - 1)).bitwise_right_shift_(bits)


def _odd_part(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Line:
    """Rotate the four odd terms, which both directions do in the same way."""
    z1, z2, z3, z4 = a + d, b + c, a + c, b + d
    z5 = (z3 + z4).mul_(_C1_175)
    z1, z2 = z1.mul_(-_C0_899), z2.mul_(-_C2_562)
    z3, z4 = z3.mul_(-_C1_961).add_(z5), z4.mul_(-_C0_390).add_(z5)
    return (
        (a * _C0_298).add_(z1).add_(z3),
        (b * _C2_053).add_(z2).add_(z4),
        (c * _C3_072).add_(z2).add_(z3),
        (d * _C1_501).add_(z1).add_(z4),
    )


def _forward(line: Line, is_last: bool) -> Line:
    sums = [line[k] + line[7 - k] for k in range(4)]
    odd = _odd_part(*(line[k] - line[7 - k] for k in (3, 2, 1, 0)))
    t10, t13 = sums[0] + sums[3], sums[0] - sums[3]
    t11, t12 = sums[1] + sums[2], sums[1] - sums[2]
    z1 = (t12 + t13).mul_(_C0_541)
    bits = _BITS + _BITS_BETWEEN if is_last else _BITS - _BITS_BETWEEN
    second, sixth = t13.mul_(_C0_765).add_(z1), t12.mul_(-_C1_847).add_(z1)
    zeroth, fourth = t10 + t11, t10.sub_(t11)
    if is_last:
        zeroth, fourth = _descaled(zeroth, _BITS_BETWEEN), _descaled(fourth, _BITS_BETWEEN)
    else:
        zeroth, fourth = zeroth.bitwise_left_shift_(_BITS_BETWEEN), fourth.bitwise_left_shift_(_BITS_BETWEEN)
    seventh, fifth, third, first = (_descaled(term, bits) for term in odd)
    return zeroth, first, _descaled(second, bits), third, fourth, fifth, _descaled(sixth, bits), seventh


def _inverse(line: Line, is_last: bool) -> Line:
    z1 = (line[2] + line[6]).mul_(_C0_541)
    t2, t3 = z1 - line[6] * _C1_847, (line[2] * _C0_765).add_(z1)
    t0, t1 = (line[0] + line[4]).bitwise_left_shift_(_BITS), (line[0] - line[4]).bitwise_left_shift_(_BITS)
    even = (t0 + t3, t1 + t2, t1.sub_(t2), t0.sub_(t3))
    odd = _odd_part(line[7], line[5], line[3], line[1])[::-1]
    bits = _BITS + _BITS_BETWEEN + 3 if is_last else _BITS - _BITS_BETWEEN
    first_half = [_descaled(e + o, bits) for e, o in zip(even, odd, strict=True)]
    second_half = [_descaled(e.sub_(o), bits) for e, o in zip(even, odd, strict=True)]
    return (*first_half, *reversed(second_half))


def _both_ways(blocks: Tensor, transform: Callable[[Line, bool], Line], first: int) -> Tensor:
    for axis, is_last in ((first, False), (1 - first, True)):
        blocks = torch.stack(transform(blocks.unbind(axis), is_last), dim=axis)
    return blocks


def forward_dct(blocks: Tensor) -> Tensor:
    """Transform blocks of samples to coefficients, rows first.

    Args:
        blocks: int32 tensor (8, 8, B) of samples in [-128, 127]: row and column within the block, then the block.

    Returns:
        int32 tensor (8, 8, B) of coefficients, 8 times those of the JPEG standard.
    """
    return _both_ways(blocks, _forward, 1)


def inverse_dct(blocks: Tensor) -> Tensor:
    """Transform coefficients back to samples, columns first.

    Args:
        blocks: int32 tensor (8, 8, B) of dequantised coefficients, as in the JPEG standard.

    Returns:
        int32 tensor (8, 8, B) of samples, about [-128, 127] but not clipped.
    """
    return _both_ways(blocks, _inverse, 0)
