"""Between numpy arrays and drn_image."""

import ctypes
import weakref

import numpy

from . import _abi
from ._library import lib

_DEPTHS = {"uint8": _abi.U8, "uint16": _abi.U16, "float32": _abi.F32}
_DTYPES = {depth: numpy.dtype(name) for name, depth in _DEPTHS.items()}


class Borrowed:
    """An array as a drn_image for the time of a call; `c` is what C gets."""

    def __init__(self, array, name="image"):
        array = numpy.asarray(array)
        if array.dtype == numpy.float64:
            array = array.astype(numpy.float32)
        array = numpy.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        if array.dtype.name not in _DEPTHS:
            raise TypeError(
                "%s: samples are %s; uint8, uint16, float32 or float64 are wanted" % (name, array.dtype)
            )
        if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] > 4):
            raise ValueError(
                "%s: the shape is %s; (height, width) or (height, width, 1 to 4) is wanted, nothing of it 0"
                % (name, array.shape)
            )
        if max(array.shape) >= 1 << 31:
            raise ValueError("%s: %s is too large" % (name, array.shape))
        self.array = array  # keeps the samples alive
        self.flat = array.ndim == 2
        self.c = _abi.Image(
            array.shape[1],
            array.shape[0],
            1 if self.flat else array.shape[2],
            _DEPTHS[array.dtype.name],
            array.ctypes.data,
            None,
        )


class Result:
    """Receives a drn_image; its samples become an array without being copied."""

    def __init__(self):
        self.pointer = ctypes.POINTER(_abi.Image)()

    @property
    def out(self):
        return ctypes.byref(self.pointer)

    def array(self, flat):
        """(height, width) when flat and of one band, else (height, width, bands)."""
        image = self.pointer.contents
        dtype = _DTYPES[image.depth]
        shape = (image.height, image.width, image.bands)
        if flat and image.bands == 1:
            shape = shape[:2]
        count = image.height * image.width * image.bands
        buffer = (ctypes.c_ubyte * (count * dtype.itemsize)).from_address(image.data)
        # the array keeps the buffer, the buffer's end frees the image
        weakref.finalize(buffer, lib.drn_image_free, self.pointer).atexit = False
        return numpy.frombuffer(buffer, dtype=dtype, count=count).reshape(shape)
