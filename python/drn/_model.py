"""Models, and enlarging with them."""

import ctypes
import os
from collections import namedtuple

from . import _abi
from ._image import Borrowed, Result
from ._library import Callback, call, lib

_DEVICES = ("cpu", "cuda", "auto")
_NUMBERS = ("bf16", "tf32", "fp32")
_ALPHA = ("network", "bicubic")

Builtin = namedtuple("Builtin", "name summary scale is_default")
Builtin.__doc__ = "A model compiled into libdrn."

Loop = namedtuple("Loop", "shrunk shrunk_bicubic dual dual_bicubic")
Loop.__doc__ = "How well a result, shrunk again, returns to the input: PSNR in dB; see drn.check()."

Traces = namedtuple("Traces", "jpeg noise damaged blocks drawn edges")
Traces.__doc__ = "What pixels tell of a JPEG file, of noise and of a drawing; see drn.traces()."


def choice(words, word, what):
    if word not in words:
        raise ValueError("%s: %r; one of %s is wanted" % (what, word, ", ".join(words)))
    return words.index(word)


def models():
    """The built-in models, a list of Builtin."""
    found = []
    while True:
        b = lib.drn_model_builtin(len(found))
        if not b:
            return found
        b = b.contents
        found.append(Builtin(b.name.decode(), b.summary.decode(), b.scale, b.is_default))


class Model:
    """A network with its weights; may be used by several threads at once.

    name: a built-in model (see drn.models()), a .safetensors file, or None for the default model.
    """

    def __init__(self, name=None):
        self._handle = ctypes.c_void_p()
        encoded = None if name is None else os.fsencode(name)
        call(lib.drn_model_load, ctypes.byref(self._handle), encoded)

    def __del__(self):
        if getattr(self, "_handle", None):
            lib.drn_model_free(self._handle)

    def __repr__(self):
        return "<drn.Model %s: x%s, %d parameters>" % (
            self.name,
            ", x".join(map(str, self.scales)),
            self.parameters,
        )

    @property
    def name(self):
        return os.fsdecode(lib.drn_model_name(self._handle))

    @property
    def scales(self):
        """What it enlarges by in one pass, ascending."""
        return tuple(s for s in (2, 4, 8) if lib.drn_model_has_scale(self._handle, s))

    @property
    def parameters(self):
        """Learned numbers of the network that enlarges."""
        return lib.drn_model_parameters(self._handle, False)

    @property
    def sha256(self):
        """Of the weights, whatever the file's name and metadata: 64 hexadecimal digits."""
        digits = ctypes.create_string_buffer(65)
        lib.drn_model_sha256(self._handle, digits)
        return digits.value.decode()

    @property
    def config(self):
        """The architecture as a dict: scale, channels, modules, progressive, dual, ..."""
        c = lib.drn_model_config(self._handle).contents
        config = {name: getattr(c, name) for name, _ in c._fields_ if name[0] != "_"}
        config["skip"] = "none" if config["skip"] else "bicubic"
        return config

    @property
    def metadata(self):
        """What the model's file says about itself, a dict of strings."""
        pairs = {}
        key, value = ctypes.c_char_p(), ctypes.c_char_p()
        i = 0
        while lib.drn_model_metadata_at(self._handle, i, ctypes.byref(key), ctypes.byref(value)):
            pairs[key.value.decode("utf-8", "replace")] = value.value.decode("utf-8", "replace")
            i += 1
        return pairs

    def upscale(self, image, scale=None, **options):
        """As drn.upscale(), with this model."""
        return upscale(image, scale, model=self, **options)


_default = None


def _model(model):
    """A Model: as given, by name, or the default one, which is kept."""
    global _default
    if isinstance(model, Model):
        return model
    if model is not None:
        return Model(model)
    if _default is None:
        _default = Model()
    return _default


def _options(
    scale,
    width=None,
    height=None,
    fit=False,
    ensemble=False,
    linear=False,
    alpha="network",
    consistent=0,
    threads=0,
    tile=0,
    device="cpu",
    precision="bf16",
    progress=None,
):
    """drn_upscale_options, and the callback that has to outlive the call."""
    # without a function of the caller's, still one: Ctrl-C gets in there
    callback = Callback(_abi.PROGRESS, progress or (lambda done: True))
    if scale is not None and scale <= 0:
        raise ValueError("scale: %r is not above 0" % scale)
    o = _abi.UpscaleOptions(
        threads=threads,
        tile=tile,
        progress=callback.c,
        width=width or 0,
        height=height or 0,
        fit=fit,
        ensemble=ensemble,
        linear=linear,
        alpha=choice(_ALPHA, alpha, "alpha"),
        consistent=consistent,
        device=choice(_DEVICES, device, "device"),
        numbers=choice(_NUMBERS, precision, "precision"),
    )
    if scale is not None:
        if width or height:
            raise ValueError("scale and a size exclude each other")
        o.factor = scale
    return o, callback


def upscale(image, scale=None, *, model=None, **options):
    """Enlarge an array and return a new one of the same dtype.

    image: (height, width) grey, or (height, width, 1 to 4): grey, grey+alpha, RGB, RGBA; uint8,
    uint16, or float32 of 0 to 1 (float64 is worked on as float32).
    scale: how many times larger, 2.5 is fine; None: the model's largest.
    model: a Model, its name or file; None: the default model.

    Options: width, height (pixels; one alone keeps the proportions), fit (they are a box to fit
    into), ensemble (mean over 8 flips and turns), linear (shrink to the wanted size in linear light),
    alpha ("network" or "bicubic"), consistent (most rounds of back-projection), threads (0: all
    cores), tile (pixels), device ("cpu", "cuda", "auto"), precision ("bf16", "tf32", "fp32", on a
    GPU), progress (called with the finished share; returning False cancels, None goes on).
    """
    model = _model(model)
    borrowed, result = Borrowed(image), Result()
    o, callback = _options(scale, **options)
    callback.call(lib.drn_upscale, result.out, borrowed.c, model._handle, o)
    return result.array(borrowed.flat)


def upscale_file(source, target, scale=None, *, model=None, quality=0, memory=0, **options):
    """Enlarge a file into another, in strips, so that it may be larger than memory.

    The suffix of target names the format; ICC profile, EXIF and XMP are kept.  memory: bytes to work
    with, 0 for 800 MB.  Other options as for upscale(); consistent is not among them.
    """
    model = _model(model)
    o, callback = _options(scale, **options)
    callback.call(
        lib.drn_upscale_stream,
        os.fsencode(source),
        os.fsencode(target),
        model._handle,
        o,
        _abi.WriteOptions(quality),
        memory,
    )


def check(result, image, model=None):
    """Measure how well a result, shrunk again, returns to its input; see Loop.

    shrunk is the result's, shrunk_bicubic that of a bicubic enlargement; dual and dual_bicubic the
    same by the model's dual network, None where it has none.
    """
    model = _model(model)
    large, small = Borrowed(result, "result"), Borrowed(image)
    loop = _abi.Loop()
    call(lib.drn_upscale_check, loop, large.c, small.c, model._handle, 0)
    dual = (loop.dual, loop.dual_bicubic) if loop.has_dual else (None, None)
    return Loop(loop.shrunk, loop.shrunk_bicubic, *dual)


def traces(image, lossy=False):
    """Look for what an image's pixels tell of a JPEG file, of noise, and of a drawing.

    noise is the standard deviation of noise in levels of 255, damaged whether a model such as
    drn-compact-photo-x4 is the better one, drawn whether drn-compact-graphics-x4 is.  blocks is the
    share of an image that speaks for one grid of 8 x 8 blocks, edges that of its edges that part areas
    of one colour.  lossy tells that the pixels come from a JPEG or another lossy file, whose blocks
    are not always seen.
    """
    found = _abi.Traces()
    call(lib.drn_image_traces, found, Borrowed(image).c)
    kind = lib.drn_traces_kind(found, lossy)
    return Traces(
        found.jpeg,
        found.noise,
        kind == _abi.PICTURE_DAMAGED,
        found.blocks,
        kind == _abi.PICTURE_DRAWN,
        found.edges,
    )


def trust(result, image):
    """Where a result can be trusted: (height, width) uint8, 255 = most, in equal shares."""
    large, small, out = Borrowed(result, "result"), Borrowed(image), Result()
    call(lib.drn_upscale_trust, out.out, None, large.c, small.c)
    return out.array(True)
