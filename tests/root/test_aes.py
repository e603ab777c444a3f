import numpy as np
import pytest
import torch

from robustsweep.aes import encrypt_bytes, encrypt_columns, round_keys, substitution

# Known answers that Random123 publishes for aesni4x32 with 10 rounds: counter, key and words, low byte first.
# The last is the example of FIPS 197, appendix C.1.
KNOWN_ANSWERS = [
    "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 d44be966 3b2c8aef 59fa4c88 2e2b34ca",
    "ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 0f68399f cc680a67 4cbd230d 816d2e23",
    "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 082efa98 ec4e6c89 ca693cbf 134a4f64 965e0cfd 5217a28f",
    "33221100 77665544 bbaa9988 ffeeddcc 03020100 07060504 0b0a0908 0f0e0d0c d8e0c469 30047b6a 80b7cdd8 5ac5b470",
]
# FIPS 197, appendix A.1: the last column of the expansion of this key, its first byte first.
EXPANDED_KEY, LAST_COLUMN = "2b7e151628aed2a6abf7158809cf4f3c", "b6630ca6"


def words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], dtype="<u4")


@pytest.mark.parametrize("answer", KNOWN_ANSWERS)
def test_openssl_and_tensors_give_the_published_words(answer: str) -> None:
    counter, key, expected = np.split(words(answer), 3)
    assert encrypt_bytes(counter.view(np.uint8), key.tobytes()).view("<u4").tolist() == expected.tolist()
    by_tensors = encrypt_columns(torch.from_numpy(counter.view(np.int32)), key.tobytes())
    assert by_tensors.numpy().view("<u4").tolist() == expected.tolist()


def test_many_blocks_of_any_key_are_encrypted_alike_by_both_ways() -> None:
    random = np.random.default_rng(4)
    for _ in range(5):
        key, blocks = random.bytes(16), random.integers(0, 2**32, (7, 33, 4), dtype=np.uint32)
        by_openssl = encrypt_bytes(blocks.reshape(-1).view(np.uint8), key).view(np.int32)
        assert np.array_equal(encrypt_columns(torch.from_numpy(blocks.view(np.int32)), key).flatten(), by_openssl)


def test_the_key_is_expanded_as_the_standard_has_it() -> None:
    last = int(round_keys(bytes.fromhex(EXPANDED_KEY))[10, 3]) % (1 << 32)
    assert last.to_bytes(4, "little").hex() == LAST_COLUMN


def test_the_substitution_is_a_permutation_without_fixed_points() -> None:
    box = substitution()
    assert sorted(box) == list(range(256))
    assert all(box[byte] not in (byte, byte ^ 0xFF) for byte in range(256))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_encrypts_as_the_cpu_does() -> None:
    columns = torch.arange(400, dtype=torch.int32).view(100, 4)
    key = bytes(range(16))
    assert torch.equal(encrypt_columns(columns.cuda(), key).cpu(), encrypt_columns(columns, key))
