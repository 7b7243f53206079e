"""Resizing as MATLAB does, and the field's measures."""

import ctypes
from collections import namedtuple

from . import _abi
from ._image import Borrowed, Result
from ._library import call, lib
from ._model import choice

_BORDERS = ("symmetric", "clamp")
_PRECISIONS = ("u8", "float")

Metrics = namedtuple("Metrics", "psnr ssim gradient_psnr")
Metrics.__doc__ = "PSNR in dB, SSIM, and PSNR of the gradient magnitude in dB."


def imresize(image, scale=None, *, width=None, height=None, border="symmetric", precision="u8"):
    """MATLAB's imresize with the bicubic kernel, antialiased when shrinking.

    scale: 0.25 shrinks four times, sides are rounded up; or width and height in pixels.
    border: beyond the edges "symmetric" (MATLAB of today) or "clamp".  precision: between the two
    passes "u8" (rounded to sample values) or "float".
    """
    small, out = Borrowed(image), Result()
    o = _abi.ResizeOptions(choice(_BORDERS, border, "border"), choice(_PRECISIONS, precision, "precision"))
    if (scale is None) == (width is None or height is None):
        raise ValueError("either scale, or width and height are wanted")
    if scale is not None:
        call(lib.drn_imresize, out.out, small.c, scale, o)
    else:
        call(lib.drn_imresize_to, out.out, small.c, width, height, o)
    return out.array(small.flat)


def _protocol(protocol):
    kind = ctypes.c_int()
    call(lib.drn_protocol_parse, ctypes.byref(kind), protocol.encode())
    return _abi.Protocol(kind.value)


def downscale(image, scale, protocol="standard"):
    """The LR picture of an original: cut to multiples of scale, shrunk by imresize; 8 bits.

    Under the protocol "paper" it is float32 and not rounded.
    """
    large, out = Borrowed(image), Result()
    call(lib.drn_protocol_lr, out.out, large.c, scale, _protocol(protocol))
    return out.array(large.flat)


def bicubic(image, scale, protocol="standard"):
    """The bicubic enlargement of an LR picture, the baseline of every table; 8 bits."""
    small, out = Borrowed(image), Result()
    call(lib.drn_protocol_bicubic, out.out, small.c, scale, _protocol(protocol))
    return out.array(small.flat)


def metrics(result, original, shave=0, *, round_y=False, rgb=False, ssim_replicate=False):
    """Compare two uint8 arrays of one size, grey or RGB, on the luma Y (or with rgb on R, G and B).

    shave: border pixels left out on each side, usually the scale.
    """
    sr, hr, values = Borrowed(result, "result"), Borrowed(original, "original"), _abi.MetricValues()
    o = _abi.MetricOptions(shave, round_y, rgb, ssim_replicate)
    call(lib.drn_metrics, values, sr.c, hr.c, o)
    return Metrics(values.psnr, values.ssim, values.gradient_psnr)


def psnr(result, original, shave=0, **options):
    """PSNR in dB; see metrics()."""
    return metrics(result, original, shave, **options).psnr


def ssim(result, original, shave=0, **options):
    """SSIM; see metrics()."""
    return metrics(result, original, shave, **options).ssim


def score(result, original, scale, protocol="standard"):
    """Metrics by the rules of a protocol, "standard" or "paper": what `drn evaluate` prints."""
    sr, hr, values = Borrowed(result, "result"), Borrowed(original, "original"), _abi.MetricValues()
    call(lib.drn_protocol_score, values, sr.c, hr.c, scale, _protocol(protocol))
    return Metrics(values.psnr, values.ssim, values.gradient_psnr)
