"""The C interface of libdrn as ctypes sees it.

tests/python/abi.py compares every structure with the headers, field by field.
"""

import ctypes as c

OK, CANCELLED = 0, 6
U8, U16, F32 = 0, 1, 2
PICTURE_DAMAGED, PICTURE_DRAWN = 1, 2

# Room for fields that a later 0.1.x appends; zero is their default.
_MORE = ("_more", c.c_char * 64)

PROGRESS = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_double)


class Error(c.Structure):
    _c_name_ = "drn_error"
    _fields_ = [("code", c.c_int), ("message", c.c_char * 512), _MORE]


class Image(c.Structure):
    _c_name_ = "drn_image"
    _fields_ = [
        ("width", c.c_int32),
        ("height", c.c_int32),
        ("bands", c.c_int32),
        ("depth", c.c_int),
        ("data", c.c_void_p),
        ("meta", c.c_void_p),
        _MORE,
    ]


class WriteOptions(c.Structure):
    _c_name_ = "drn_write_options"
    _fields_ = [("quality", c.c_int), ("keep", c.c_bool), _MORE]


class ResizeOptions(c.Structure):
    _c_name_ = "drn_resize_options"
    _fields_ = [("border", c.c_int), ("precision", c.c_int), _MORE]


class Config(c.Structure):
    _c_name_ = "drn_config"
    _fields_ = [
        ("scale", c.c_int),
        ("channels", c.c_int),
        ("modules", c.c_int),
        ("progressive", c.c_bool),
        ("dual", c.c_bool),
        ("dual_channels", c.c_int),
        ("skip", c.c_int),
        _MORE,
    ]


class Builtin(c.Structure):
    _c_name_ = "drn_builtin"
    _fields_ = [
        ("name", c.c_char_p),
        ("summary", c.c_char_p),
        ("scale", c.c_int),
        ("is_default", c.c_bool),
        _MORE,
    ]


class UpscaleOptions(c.Structure):
    _c_name_ = "drn_upscale_options"
    _fields_ = [
        ("scale", c.c_int),
        ("threads", c.c_int),
        ("tile", c.c_int),
        ("progress", PROGRESS),
        ("progress_ctx", c.c_void_p),
        ("factor", c.c_double),
        ("width", c.c_int32),
        ("height", c.c_int32),
        ("fit", c.c_bool),
        ("ensemble", c.c_bool),
        ("linear", c.c_bool),
        ("alpha", c.c_int),
        ("consistent", c.c_int),
        ("device", c.c_int),
        ("numbers", c.c_int),
        _MORE,
    ]


class Loop(c.Structure):
    _c_name_ = "drn_loop"
    _fields_ = [
        ("has_dual", c.c_bool),
        ("dual", c.c_double),
        ("dual_bicubic", c.c_double),
        ("shrunk", c.c_double),
        ("shrunk_bicubic", c.c_double),
        _MORE,
    ]


class Traces(c.Structure):
    _c_name_ = "drn_traces"
    _fields_ = [
        ("blocks", c.c_double),
        ("jpeg", c.c_bool),
        ("noise", c.c_double),
        ("edges", c.c_double),
        ("near", c.c_double),
        _MORE,
    ]


class MetricOptions(c.Structure):
    _c_name_ = "drn_metric_options"
    _fields_ = [
        ("shave", c.c_int),
        ("round_y", c.c_bool),
        ("rgb", c.c_bool),
        ("ssim_replicate", c.c_bool),
        _MORE,
    ]


class MetricValues(c.Structure):
    _c_name_ = "drn_metric_values"
    _fields_ = [("psnr", c.c_double), ("ssim", c.c_double), ("gradient_psnr", c.c_double), _MORE]


class Protocol(c.Structure):
    _c_name_ = "drn_protocol"
    _fields_ = [
        ("kind", c.c_int),
        ("border", c.c_int),
        ("precision", c.c_int),
        ("round_y", c.c_bool),
        ("rgb", c.c_bool),
        _MORE,
    ]


class TrainProgress(c.Structure):
    _c_name_ = "drn_train_progress"
    _fields_ = [
        ("step", c.c_int64),
        ("steps", c.c_int64),
        ("loss", c.c_double),
        ("primal", c.c_double),
        ("lr", c.c_double),
        ("grad_norm", c.c_double),
        ("skipped", c.c_int64),
        ("seconds", c.c_double),
        ("steps_per_second", c.c_double),
        ("wait_share", c.c_double),
        ("memory_mb", c.c_double),
        ("validated", c.c_bool),
        ("val_psnr", c.c_double),
        ("best_psnr", c.c_double),
        ("out_of_time", c.c_bool),
        ("ranks", c.c_int),
        ("ranks_share", c.c_double),
        ("broken", c.c_size_t),
        ("broken_first", c.c_char_p),
        ("rank", c.c_int),
        ("shared", c.c_size_t),
        ("shared_first", c.c_char_p),
        ("val_gain", c.c_double),
        ("seen_gain", c.c_double),
        _MORE,
    ]


TRAIN = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(TrainProgress))


class TrainOptions(c.Structure):
    _c_name_ = "drn_train_options"
    _fields_ = [
        ("recipe", c.c_char_p),
        ("set", c.POINTER(c.c_char_p)),
        ("sets", c.c_size_t),
        ("data", c.POINTER(c.c_char_p)),
        ("datas", c.c_size_t),
        ("val", c.POINTER(c.c_char_p)),
        ("vals", c.c_size_t),
        ("out", c.c_char_p),
        ("max_seconds", c.c_double),
        ("resume", c.c_bool),
        ("progress", TRAIN),
        ("progress_ctx", c.c_void_p),
        ("device", c.c_int),
        ("numbers", c.c_int),
        ("comm", c.c_void_p),
        _MORE,
    ]


STRUCTURES = [
    Error, Image, WriteOptions, ResizeOptions, Config, Builtin, UpscaleOptions, Loop,
    Traces, MetricOptions, MetricValues, Protocol, TrainProgress, TrainOptions,
]  # fmt: skip

_p = c.POINTER
_image, _out, _err, _model = _p(Image), _p(_p(Image)), _p(Error), c.c_void_p

# name: (result, arguments)
FUNCTIONS = {
    "drn_version": (c.c_char_p, []),
    "drn_status_name": (c.c_char_p, [c.c_int]),
    "drn_image_free": (None, [_image]),
    "drn_image_read": (c.c_int, [_out, c.c_char_p, _err]),
    "drn_image_write": (c.c_int, [_image, c.c_char_p, _p(WriteOptions), _err]),
    "drn_imresize": (c.c_int, [_out, _image, c.c_double, _p(ResizeOptions), _err]),
    "drn_imresize_to": (c.c_int, [_out, _image, c.c_int32, c.c_int32, _p(ResizeOptions), _err]),
    "drn_model_load": (c.c_int, [_p(c.c_void_p), c.c_char_p, _err]),
    "drn_model_free": (None, [_model]),
    "drn_model_builtin": (_p(Builtin), [c.c_size_t]),
    "drn_model_config": (_p(Config), [_model]),
    "drn_model_name": (c.c_char_p, [_model]),
    "drn_model_metadata_at": (c.c_bool, [_model, c.c_size_t, _p(c.c_char_p), _p(c.c_char_p)]),
    "drn_model_parameters": (c.c_size_t, [_model, c.c_bool]),
    "drn_model_sha256": (None, [_model, c.c_char_p]),
    "drn_model_has_scale": (c.c_bool, [_model, c.c_int]),
    "drn_upscale": (c.c_int, [_out, _image, _model, _p(UpscaleOptions), _err]),
    "drn_upscale_stream": (
        c.c_int,
        [c.c_char_p, c.c_char_p, _model, _p(UpscaleOptions), _p(WriteOptions), c.c_size_t, _err],
    ),
    "drn_image_traces": (c.c_int, [_p(Traces), _image, _err]),
    "drn_traces_kind": (c.c_int, [_p(Traces), c.c_bool]),
    "drn_upscale_check": (c.c_int, [_p(Loop), _image, _image, _model, c.c_int, _err]),
    "drn_upscale_trust": (c.c_int, [_out, _out, _image, _image, _err]),
    "drn_metrics": (c.c_int, [_p(MetricValues), _image, _image, _p(MetricOptions), _err]),
    "drn_protocol_lr": (c.c_int, [_out, _image, c.c_int, _p(Protocol), _err]),
    "drn_protocol_bicubic": (c.c_int, [_out, _image, c.c_int, _p(Protocol), _err]),
    "drn_protocol_parse": (c.c_int, [_p(c.c_int), c.c_char_p, _err]),
    "drn_protocol_score": (
        c.c_int,
        [_p(MetricValues), _image, _image, c.c_int, _p(Protocol), _err],
    ),
    "drn_train": (c.c_int, [_p(TrainOptions), _err]),
}
