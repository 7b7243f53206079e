#!/usr/bin/python3
"""Golden files for tests/parity: the network, its losses, gradients and ten steps of Adam, computed by
PyTorch in double.

Written from the paper (arXiv 1809.07099, sections 3 and 4) and from the definitions in the headers
src/loss/loss.h and src/models/drn_net.h, not from the code behind them; only the names of the parameters are
taken from there.

    /usr/bin/python3 tools/golden/make_parity.py tests/parity/golden

Needs numpy and PyTorch (made with 1.13.0).  Run by hand; the files are committed.  The same versions give
the same bytes.
"""
import json
import math
import struct
import sys

import numpy as np
import torch
from torch.nn import functional as F

MEAN = torch.tensor([0.4488, 0.4371, 0.4040], dtype=torch.float64).view(1, 3, 1, 1)

CASES = {
    "x4_progressive_gs": dict(
        scale=4, channels=8, modules=1, progressive=1, dual=1, dual_channels=8, skip="bicubic",
        loss="gs", dual_loss="gs", **{"lambda": 2.0}, charbonnier=0.0, dual_weight=1.0,
        dual_target="predicted", dual_detach=1, batch=2, size=6),
    "x2_plain_mae": dict(
        scale=2, channels=9, modules=2, progressive=0, dual=0, dual_channels=1, skip="none",
        loss="mae", dual_loss="mae", **{"lambda": 0.0}, charbonnier=0.0, dual_weight=0.0,
        dual_target="predicted", dual_detach=1, batch=3, size=7),
    "x4_dual_charbonnier": dict(
        scale=4, channels=8, modules=1, progressive=0, dual=1, dual_channels=5, skip="bicubic",
        loss="charbonnier", dual_loss="gs", **{"lambda": 0.5}, charbonnier=1e-3, dual_weight=0.1,
        dual_target="true", dual_detach=1, batch=2, size=5),
    "x8_progressive_mae": dict(
        scale=8, channels=6, modules=2, progressive=1, dual=1, dual_channels=9, skip="bicubic",
        loss="mae", dual_loss="mae", **{"lambda": 0.0}, charbonnier=0.0, dual_weight=0.1,
        dual_target="predicted", dual_detach=0, batch=1, size=4),
    "x4_progressive_mixed": dict(
        scale=4, channels=3, modules=1, progressive=1, dual=1, dual_channels=4, skip="none",
        loss="gradient_pixel", dual_loss="mse", **{"lambda": 1.5}, charbonnier=0.0, dual_weight=0.5,
        dual_target="true", dual_detach=1, batch=2, size=5),
}
ADAM = dict(steps=10, lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-8)


# ---- bicubic, as MATLAB's imresize along one axis ----

def keys(x):
    """Cubic convolution kernel of Keys with a = -1/2."""
    x = abs(x)
    if x >= 2:
        return 0.0
    if x <= 1:
        return 1.5 * x ** 3 - 2.5 * x ** 2 + 1
    return -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2


def resize_matrix(n, scale):
    """Dense [round(n * scale), n] matrix; mirrored border, antialiased when scale < 1."""
    out = int(math.ceil(n * scale))
    m = np.zeros((out, n))
    stretch = min(scale, 1.0)
    reach = int(math.ceil(2 / stretch)) + 1
    for i in range(out):
        centre = (i + 0.5) / scale - 0.5
        for j in range(int(math.floor(centre)) - reach, int(math.floor(centre)) + reach + 2):
            k = j % (2 * n)
            m[i, k if k < n else 2 * n - 1 - k] += keys((centre - j) * stretch)
    return m / m.sum(axis=1, keepdims=True)


def resize(x, scale):
    rows = torch.from_numpy(resize_matrix(x.shape[2], scale))
    cols = torch.from_numpy(resize_matrix(x.shape[3], scale))
    return rows @ x @ cols.T


# ---- losses ----

def gradients(x):
    """[1, 0, -1] along both axes over valid pixels, zeros on a border of one pixel."""
    gx = x[:, :, 1:-1, :-2] - x[:, :, 1:-1, 2:]
    gy = x[:, :, :-2, 1:-1] - x[:, :, 2:, 1:-1]
    return F.pad(gx, (1, 1, 1, 1)), F.pad(gy, (1, 1, 1, 1))


def gradient_loss(a, b):
    (ax, ay), (bx, by) = gradients(a), gradients(b)
    return F.l1_loss(ax, bx) + F.l1_loss(ay, by)


def mask(target):
    """Eq. 4; a constant.  Epsilons published for 0..255 are brought to 0..1."""
    with torch.no_grad():
        gx, gy = gradients(target)
        g = torch.sqrt(gx ** 2 + gy ** 2 + 1e-4 / 255 ** 2)
        low = g.amin(dim=(1, 2, 3), keepdim=True)
        high = g.amax(dim=(1, 2, 3), keepdim=True)
        return (g - low) / (high - low + 1e-5 / 255)


def loss(kind, c, sr, hr):
    if kind == "mse":
        return F.mse_loss(sr, hr)
    if kind == "mae":
        return F.l1_loss(sr, hr)
    if kind == "charbonnier":
        return torch.sqrt((sr - hr) ** 2 + c["charbonnier"] ** 2).mean()
    if kind == "gradient_pixel":  # Eq. 3 with the MAE
        return gradient_loss(sr, hr) + c["lambda"] * F.l1_loss(sr, hr)
    if kind == "gs":  # Eq. 5
        m = mask(hr)
        return gradient_loss(m * sr, m * hr) + c["lambda"] * F.l1_loss((1 - m) * sr, (1 - m) * hr)
    raise ValueError(kind)


# ---- the network ----

def parameter_shapes(c):
    """Name -> shape, in the order of the model."""
    shapes = {}

    def conv(name, k, n, size):
        shapes[name + ".weight"] = (k, n, size, size)
        shapes[name + ".bias"] = (k,)

    levels, ch = int(math.log2(c["scale"])), c["channels"]
    conv("head", ch, 3, 3)
    for b in range(1, levels + 1):
        for m in range(1, c["modules"] + 1):
            conv(f"block{b}.module{m}.conv1", ch, ch, 3)
            conv(f"block{b}.module{m}.conv2", ch, ch, 3)
        conv(f"block{b}.up", 4 * ch, ch, 3)
        if c["progressive"] or b == levels:
            conv(f"block{b}.image", 3, ch, 3)
    if c["dual"]:
        stride = 2 if c["progressive"] else c["scale"]
        for b in range(1, levels + 1):
            if c["progressive"] or b == levels:
                conv(f"dual{b}.conv1", c["dual_channels"], 3, stride + 1)
                conv(f"dual{b}.conv2", 3, c["dual_channels"], 3)
    return shapes


def primal(p, c, lr):
    """Predicted images, smallest first; None where the network makes none."""
    def conv(name, x):
        return F.conv2d(x, p[name + ".weight"], p[name + ".bias"], padding=1)

    levels = int(math.log2(c["scale"]))
    x, before, images = conv("head", lr - MEAN), lr, []
    for b in range(1, levels + 1):
        for m in range(1, c["modules"] + 1):
            x = x + conv(f"block{b}.module{m}.conv2", F.relu(conv(f"block{b}.module{m}.conv1", x)))
        x = F.pixel_shuffle(conv(f"block{b}.up", x), 2)
        if not c["progressive"] and b != levels:
            images.append(None)
            continue
        y = conv(f"block{b}.image", x)
        if c["skip"] == "bicubic":
            y = y + resize(before, y.shape[2] / before.shape[2])
        else:
            y = y + MEAN
        images.append(y)
        before = y
    return images


def dual(p, c, level, y):
    stride = 2 if c["progressive"] else c["scale"]
    h = F.conv2d(y, p[f"dual{level}.conv1.weight"], p[f"dual{level}.conv1.bias"], stride=stride,
                 padding=stride // 2)
    return F.conv2d(F.relu(h), p[f"dual{level}.conv2.weight"], p[f"dual{level}.conv2.bias"], padding=1)


def joint_loss(p, c, lr, targets):
    """Eq. 7 (Eq. 6 when not progressive); the last level's primal loss beside it, and the images."""
    images = primal(p, c, lr)
    total, last = 0, None
    for level, y in enumerate(images, start=1):
        if y is None:
            continue
        last = loss(c["loss"], c, y, targets[level - 1])
        total = total + last
        if not c["dual"] or c["dual_weight"] == 0:
            continue
        if level == 1 or not c["progressive"]:
            back = lr
        elif c["dual_target"] == "true":
            back = targets[level - 2]
        else:
            back = images[level - 2]
            back = back.detach() if c["dual_detach"] else back
        total = total + c["dual_weight"] * loss(c["dual_loss"], c, dual(p, c, level, y), back)
    return total, last, images


# ---- data and files ----

def picture(rng, batch, size):
    """Smooth waves, an edge and some noise in 0..1."""
    y, x = np.mgrid[0:size, 0:size] / size
    out = np.empty((batch, 3, size, size))
    for n in range(batch):
        for c in range(3):
            a, b, d, s = rng.uniform(-9, 9), rng.uniform(-9, 9), rng.uniform(-1, 1), rng.uniform(0.2, 0.8)
            wave = 0.2 * np.sin(a * x + b * y) + 0.25 * np.sign(x + d * y - s)
            out[n, c] = np.clip(0.5 + wave + 0.04 * rng.standard_normal((size, size)), 0, 1)
    return out


def as_float32(a):
    """Values that single precision holds exactly, so that files store them short."""
    return torch.from_numpy(np.asarray(a, dtype=np.float32).astype(np.float64))


def write_safetensors(path, tensors, metadata):
    header, data, at = {"__metadata__": metadata}, [], 0
    kinds = {np.dtype("<f8"): "F64", np.dtype("<f4"): "F32"}
    for name, a in sorted(tensors.items(), key=lambda kv: -kv[1].itemsize):  # aligned: doubles first
        raw = np.ascontiguousarray(a).tobytes()
        header[name] = {"dtype": kinds[a.dtype], "shape": list(a.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    return 8 + len(text) + at


def make(name, c, seed, folder):
    rng = np.random.default_rng(seed)
    hr = torch.from_numpy(picture(rng, c["batch"], c["size"] * c["scale"]))
    levels = int(math.log2(c["scale"]))
    targets = [as_float32(resize(hr, 1 / 2 ** (levels - l))) for l in range(1, levels)] + [as_float32(hr)]
    lr = as_float32(resize(hr, 1 / c["scale"]))
    p = {}
    for key, shape in parameter_shapes(c).items():
        std = math.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.05
        gain = 0.3 if ".image" in key or ".conv2" in key else 1.0
        p[key] = as_float32(gain * std * rng.standard_normal(shape)).requires_grad_()

    tensors = {"lr": lr.numpy().astype("<f4")}
    for l, t in enumerate(targets, start=1):
        tensors[f"target{l}"] = t.numpy().astype("<f4")
    for key, v in p.items():
        tensors["init." + key] = v.detach().numpy().astype("<f4")

    adam = torch.optim.Adam(p.values(), lr=ADAM["lr"], betas=(ADAM["beta1"], ADAM["beta2"]), eps=ADAM["eps"])
    losses, primals = [], []
    for step in range(ADAM["steps"]):
        adam.zero_grad()
        total, last, images = joint_loss(p, c, lr, targets)
        total.backward()
        losses.append(total.item())
        primals.append(last.item())
        if step == 0:
            tensors["image"] = images[-1].detach().numpy().astype("<f8")
            for key, v in p.items():
                tensors["grad." + key] = v.grad.numpy().astype("<f8").copy()
        adam.step()
    for key, v in p.items():
        tensors["adam." + key] = v.detach().numpy().astype("<f8")
    tensors["losses"] = np.array(losses, dtype="<f8")
    tensors["primals"] = np.array(primals, dtype="<f8")

    metadata = {k: str(v) for k, v in {**c, **ADAM}.items()}
    metadata["torch"] = torch.__version__
    size = write_safetensors(f"{folder}/{name}.safetensors", tensors, metadata)
    print(f"{name}: {size} bytes, {sum(v.numel() for v in p.values())} parameters, "
          f"loss {losses[0]:.6f} -> {losses[-1]:.6f}")


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    for seed, (name, c) in enumerate(CASES.items(), start=1):
        make(name, c, seed, sys.argv[1])


if __name__ == "__main__":
    main()
