"""OpenCV's number of threads, which is the process's and must not change while OpenCV works."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch

from robustsweep.corruptions import corrupt_batch
from robustsweep.corruptions.opencv import without_opencv_threads

cv2 = pytest.importorskip("cv2", exc_type=ImportError)


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def test_threads_come_back_when_the_last_caller_has_left() -> None:
    first_left, second_saw = Event(), Event()

    def second(entered: Event) -> int:
        with without_opencv_threads():
            entered.set()
            assert first_left.wait(30)
            found: int = cv2.getNumThreads()
            second_saw.set()
        return found

    entered = Event()
    with ThreadPoolExecutor(1) as pool:
        with without_opencv_threads():
            lowered = cv2.getNumThreads()
            seen = pool.submit(second, entered)
            assert entered.wait(30)
        first_left.set()
        assert second_saw.wait(30)
        assert seen.result() == lowered < 3
    assert cv2.getNumThreads() == 3


def test_a_failure_inside_gives_them_back() -> None:
    with pytest.raises(ValueError, match="broken"), without_opencv_threads():
        raise ValueError("broken")
    assert cv2.getNumThreads() == 3


def test_every_corruption_runs_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = cv2.Canny

    def watched(*arguments: object) -> object:
        seen.append(cv2.getNumThreads())
        return original(*arguments)

    monkeypatch.setattr(cv2, "Canny", watched)
    images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    corrupt_batch(images, "spatter", 1, ids=torch.arange(4), seed=0, table="tiny")
    assert len(seen) == 4
    assert max(seen) < 3
    assert cv2.getNumThreads() == 3
