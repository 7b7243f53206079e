"""drn: enlarge photographs with dual reconstruction networks.

    import drn
    large = drn.upscale(array, scale=4)

Arrays are numpy arrays of shape (height, width) or (height, width, bands).  The work is done by
libdrn, found by DRN_LIBRARY (file or folder), beside this package, in the checkout's build folder,
or where the system keeps libraries.
"""

from ._files import read, write
from ._library import (
    CancelledError,
    DeviceError,
    Error,
    FileError,
    FormatError,
    InternalError,
    InvalidError,
    NoMemoryError,
    NumericError,
    UnsupportedError,
)
from ._measure import Metrics, bicubic, downscale, imresize, metrics, psnr, score, ssim
from ._model import Builtin, Loop, Model, Traces, check, models, traces, trust, upscale, upscale_file
from ._train import TrainProgress, train
from ._version import __version__

__all__ = [
    "Builtin",
    "CancelledError",
    "DeviceError",
    "Error",
    "FileError",
    "FormatError",
    "InternalError",
    "InvalidError",
    "Loop",
    "Metrics",
    "Model",
    "NoMemoryError",
    "NumericError",
    "Traces",
    "TrainProgress",
    "UnsupportedError",
    "__version__",
    "bicubic",
    "check",
    "downscale",
    "imresize",
    "metrics",
    "models",
    "psnr",
    "read",
    "score",
    "ssim",
    "traces",
    "train",
    "trust",
    "upscale",
    "upscale_file",
    "write",
]
