"""Training from a recipe."""

import ctypes
import os
from collections import namedtuple

from . import _abi
from ._library import Callback, lib
from ._model import _DEVICES, _NUMBERS, choice

_names = [name for name, _ in _abi.TrainProgress._fields_ if not name.startswith(("broken_", "_"))]
TrainProgress = namedtuple("TrainProgress", _names)
TrainProgress.__doc__ = "State of a run after a step; see drn_train_progress in drn/train.h."


def _strings(items):
    if isinstance(items, (str, bytes, os.PathLike)):
        items = [items]
    encoded = [os.fsencode(item) for item in items]
    return (ctypes.c_char_p * len(encoded))(*encoded), len(encoded)


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def train(
    recipe,
    data,
    out,
    *,
    val=(),
    set=(),  # noqa: A002
    max_seconds=0,
    resume=False,
    device="cpu",
    precision="bf16",
    progress=None,
):
    """Train a model; out/model.safetensors is the result.

    recipe: a file, or the name of a built-in recipe ("tiny-x2").
    data, val: folders or packs of pictures, one or several.
    set: a dict of recipe keys that replace the recipe's, {"train.steps": 500}.
    progress: called with a TrainProgress after every step; returning False saves a checkpoint and
    raises CancelledError, resume=True goes on from there.
    """
    pairs = set.items() if hasattr(set, "items") else (pair.split("=", 1) for pair in set)
    sets, set_count = _strings("%s=%s" % (key, _text(value)) for key, value in pairs)
    datas, data_count = _strings(data)
    vals, val_count = _strings(val)
    last = [None]

    def show(pointer):
        p = pointer.contents
        if progress is not None:
            last[0] = progress(TrainProgress(*(getattr(p, name) for name in _names)))
        return last[0]

    callback = Callback(_abi.TRAIN, show)
    options = _abi.TrainOptions(
        recipe=os.fsencode(recipe),
        set=sets,
        sets=set_count,
        data=datas,
        datas=data_count,
        val=vals,
        vals=val_count,
        out=os.fsencode(out),
        max_seconds=max_seconds,
        resume=resume,
        progress=callback.c,
        device=choice(_DEVICES, device, "device"),
        numbers=choice(_NUMBERS, precision, "precision"),
    )
    callback.call(lib.drn_train, options)
