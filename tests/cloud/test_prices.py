from __future__ import annotations

from datetime import date

import pytest

from nsm.cloud.orders import GPUS, KNOWN
from nsm.cloud.prices import CORES, MEMORY_GIB, Prices, gpu_of, load_prices


def test_the_list_is_dated_and_names_its_source() -> None:
    prices = load_prices()
    assert isinstance(prices.read, date) and prices.source.startswith("https://")
    assert set(GPUS) <= prices.gpu_second.keys()
    assert not {name.rstrip("!+") for name in KNOWN} - prices.gpu_second.keys()


def test_an_estimate_counts_gpu_cores_and_memory() -> None:
    prices = Prices(date(2026, 1, 1), "here", {"L4": 1.0}, core_second=0.1, gib_second=0.01)
    rest = CORES * 0.1 + MEMORY_GIB * 0.01
    assert prices.estimate("L4", 10) == pytest.approx(10 * (1 + rest))
    assert prices.estimate("l4:2", 10) == pytest.approx(10 * (2 + rest))
    assert prices.estimate("TURBO", 10) is None


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA A100 80GB PCIe", "A100-80GB"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("Tesla T4", "T4"),
        ("NVIDIA A10G", "A10"),
        (None, "H200"),
        ("something else", "H200"),
    ],
)
def test_devices_are_known_by_what_cuda_calls_them(device: str | None, name: str) -> None:
    assert gpu_of(device, "H200") == name
