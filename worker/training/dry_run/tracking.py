"""Counts the bytes that are held while steps are taken with shapes instead of numbers.

Numbers with a decimal point become fake tensors of torch: they have a shape and a format, and no
memory. Whole numbers and truth values (tokens, masks, positions) stay real, so that what depends on
them is decided as in a real run.
"""

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_aten = torch.ops.aten

_ONE_NUMBER = _aten._local_scalar_dense.default
_COMPARED = (_aten.equal.default, _aten.allclose.default, _aten.is_nonzero.default)
_MEETING = (
    _aten.add.Tensor, _aten.add_.Tensor, _aten.sub.Tensor, _aten.sub_.Tensor,
    _aten.mul.Tensor, _aten.mul_.Tensor, _aten.div.Tensor, _aten.div_.Tensor,
)  # fmt: skip
_INDEXED = (_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default)


class Tracker(TorchDispatchMode):
    """Counts bytes while it is entered; everything made within belongs to it.

    Attributes:
        fakes: makes tensors without memory.
        held: bytes at this moment.
        peaks: the most that was held at once, by phase in the order of their beginnings.
        phase: what is under way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fakes = FakeTensorMode(allow_non_fake_inputs=True)
        self.held = 0
        self.peaks: dict[str, int] = defaultdict(int)
        self.phase = ""
        self._storages: dict[int, tuple[Any, int]] = {}

    def begin(self, phase: str) -> None:
        """Count for another phase from now on."""
        self.phase = phase
        self._note(0)

    def empty(self, shape: Any, dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor without memory, which is counted."""
        with self.fakes:
            made = torch.empty(shape, dtype=dtype)
        self._count(made)
        return made

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do one operation of torch, with shapes alone where a shape goes in."""
        given = dict(kwargs or {})
        tensors = [one for one in tree_leaves((args, given)) if isinstance(one, torch.Tensor)]
        if not any(isinstance(one, FakeTensor) for one in tensors):
            out = self._real(func, args, given, is_new=not tensors)
        elif func is _ONE_NUMBER:
            return _usual(args[0].dtype)
        elif func in _COMPARED:
            return True
        elif _is_of_bitsandbytes(func, "int8_vectorwise_quant"):
            out = self._without_outliers(func, args)
        elif _is_of_bitsandbytes(func, "int8_mixed_scaled_mm"):
            out = self._scaled(args)
        else:
            args = (args[0], _places(args[1]), *args[2:]) if func in _INDEXED else args
            with self.fakes:
                out = func(*args, **given)
        for one in tree_leaves(out):
            if isinstance(one, torch.Tensor):
                self._count(one)
        self._note(_hidden(func, args))
        return out

    def _without_outliers(self, func: Any, args: Any) -> Any:
        """Shrink to 8 bits with no number that is too large for it: which are, shapes don't say."""
        with self.fakes:
            shrunk, scales, _ = func(args[0], 0.0)
        return shrunk, scales, torch.empty(0, dtype=torch.int64)

    def _scaled(self, args: Any) -> Any:
        """Multiply in 8 bits where no number is too large for it; see above."""
        taken, shrunk, weight, scales, weight_scales, _, bias = (*args, None)[:7]
        with self.fakes:
            out = torch.ops.bitsandbytes.int8_scaled_mm.default(
                shrunk, weight, scales, weight_scales, bias=bias, dtype=taken.dtype
            )
            return out, taken.new_empty(0)

    def _real(self, func: Any, args: Any, given: dict[str, Any], *, is_new: bool) -> Any:
        """Do an operation on real tensors; a new one with decimals is made without memory."""
        if is_new and _makes_decimals(func, args, given):
            with self.fakes:
                return func(*args, **given)
        return func(*args, **given)

    def _count(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return
        size = storage.nbytes()
        self._storages[key] = (weakref.ref(storage, _Forget(self, key)), size)
        self.held += size

    def _note(self, more: int) -> None:
        self.peaks[self.phase] = max(self.peaks[self.phase], self.held + more)

    def forget(self, key: int) -> None:
        """Count a storage no longer: nothing refers to it any more."""
        self.held -= self._storages.pop(key)[1]


class _Forget:
    """What is called when a storage is gone."""

    def __init__(self, tracker: Tracker, key: int) -> None:
        self._tracker, self._key = tracker, key

    def __call__(self, _gone: Any) -> None:
        self._tracker.forget(self._key)


def _usual(dtype: torch.dtype) -> bool | int | float:
    """Return the number that every shape stands for where one is asked for."""
    if dtype == torch.bool:
        return True
    return 0.0 if dtype.is_floating_point else 1


_MAKERS = ("empty", "zeros", "ones", "full", "rand", "randn", "empty_strided", "empty_permuted")


def _makes_decimals(func: Any, args: Any, given: dict[str, Any]) -> bool:
    name = func.overloadpacket.__name__
    if name == "full" and given.get("dtype") is None:
        return isinstance(args[1], float)
    dtype = given.get("dtype") or torch.get_default_dtype()
    return name in _MAKERS and bool(dtype.is_floating_point)


def _places(indices: Any) -> list[Any]:
    """Return indices with the places that are true instead of masks: their number is a size."""
    found: list[Any] = []
    for index in indices:
        is_mask = index is not None and index.dtype in (torch.bool, torch.uint8)
        found += index.nonzero(as_tuple=True) if is_mask else [index]
    return found


def _hidden(func: Any, args: Any) -> int:
    """Return the bytes that an operation takes within and gives back, which no shape shows.

    Products with 4-bit weights unfold the whole layer in the format of what it is multiplied with
    (bitsandbytes, on a processor). Where numbers of two formats meet, a processor makes a copy of
    those in the smaller one.
    """
    if func in _MEETING:
        return _copied(args[:2])
    if not _is_of_bitsandbytes(func, "gemm_4bit"):
        return 0
    taken, _, shape = args[:3]
    return int(shape[0] * shape[1] * taken.element_size())


def _copied(pair: Any) -> int:
    if not all(isinstance(one, torch.Tensor) and one.dim() and not one.is_cuda for one in pair):
        return 0
    common = torch.promote_types(pair[0].dtype, pair[1].dtype)
    return sum(one.numel() * common.itemsize for one in pair if one.dtype != common)


def _is_of_bitsandbytes(func: Any, name: str) -> bool:
    return bool(func.namespace == "bitsandbytes" and func.overloadpacket.__name__ == name)


@contextmanager
def converted_in_place() -> Iterator[None]:
    """Let modules be moved and cast while in here: torch swaps fakes, which their mode forbids."""
    usual: Callable[..., None] = torch.utils.swap_tensors

    def take_over(one: torch.Tensor, other: torch.Tensor) -> None:
        if (one.dtype, one.device) != (other.dtype, other.device):
            one.data = other.data

    torch.utils.swap_tensors = take_over
    try:
        yield
    finally:
        torch.utils.swap_tensors = usual
