"""Pictures in files, by libdrn's own codecs."""

import os

from . import _abi
from ._image import Borrowed, Result
from ._library import call, lib


def read(path):
    """A picture file as an array: orientation applied, sRGB or grey, 8 or 16 bits as in the file.

    Grey pictures are (height, width), others (height, width, bands).
    """
    out = Result()
    call(lib.drn_image_read, out.out, os.fsencode(path))
    return out.array(True)


def write(path, image, quality=0):
    """Write an array; the suffix names the format.  The file appears whole or not at all.

    quality: of lossy formats, 1 to 100; 0: 92.
    """
    borrowed = Borrowed(image)
    call(lib.drn_image_write, borrowed.c, os.fsencode(path), _abi.WriteOptions(quality))
