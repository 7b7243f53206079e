#!/usr/bin/env python3
"""PyTorch's side of bench/compare: the network of a drn model file, rebuilt.

Usage: torch_peer.py MODEL.safetensors SIDE THREADS INPUT OUTPUT

INPUT and OUTPUT are little-endian floats, 3 x SIDE x SIDE and the enlarged picture.  Computes OUTPUT, prints
{"version": ...}, then answers each line "w" (INPUT enlarged once) or "t" (a training step: forward, backward,
Adam, MAE, batch 4, LR patch 32) with the milliseconds of the faster of two repeats.
"""
import ctypes
import json
import sys
import time

import torch
import torch.nn.functional as F

MEAN = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
BATCH, PATCH = 4, 32


def tune_malloc():
    """Keep freed blocks: PyTorch's default spends its time in page faults."""
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
    libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD


def read_model(path):
    """Tensors by name, and the metadata."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    header_size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + header_size])
    meta = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + header_size + at for at in entry["data_offsets"])
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = flat.clone().view(entry["shape"])
    return tensors, meta


def cubic(x):
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def bicubic_kernel():
    """[12, 1, 5, 5]: the four outputs of each channel around an input pixel, MATLAB's cubic."""
    rows = torch.tensor([[cubic(p / 2 - 0.25 - k) for k in range(-2, 3)] for p in range(2)], dtype=torch.float64)
    both = torch.einsum("ay,bx->abyx", rows, rows).reshape(4, 1, 5, 5)
    return both.repeat(3, 1, 1, 1).float()


def mirror(x, dim):
    """Two pixels at each end, the edge repeated."""
    def at(i):
        return x.narrow(dim, i % x.shape[dim], 1)

    return torch.cat([at(1), at(0), x, at(-1), at(-2)], dim)


class Net(torch.nn.Module):
    """Progressive dual reconstruction network with bicubic skips; the images of all levels."""

    def __init__(self, tensors, meta):
        super().__init__()
        if meta["drn.progressive"] != "true" or meta["drn.skip"] != "bicubic":
            raise SystemExit("torch_peer: only progressive models with bicubic skips")
        self.names = {name: name.replace(".", "_") for name in tensors if not name.startswith("dual")}
        for name, plain in self.names.items():
            self.register_parameter(plain, torch.nn.Parameter(tensors[name]))
        self.modules_a_block = int(meta["drn.modules"])
        self.levels = {"2": 1, "4": 2, "8": 3}[meta["drn.scale"]]
        self.register_buffer("kernel", bicubic_kernel())

    def conv(self, x, name):
        weight, bias = (getattr(self, self.names[f"{name}.{part}"]) for part in ("weight", "bias"))
        return F.conv2d(x, weight, bias, padding=1)

    def enlarge(self, x):
        x = mirror(mirror(x, 2), 3)
        return F.pixel_shuffle(F.conv2d(x, self.kernel, groups=3), 2)

    def forward(self, x):
        f, images = self.conv(x - MEAN, "head"), []
        for b in range(1, self.levels + 1):
            for m in range(1, self.modules_a_block + 1):
                h = F.relu(self.conv(f, f"block{b}.module{m}.conv1"))
                f = self.conv(h, f"block{b}.module{m}.conv2") + f
            f = F.pixel_shuffle(self.conv(f, f"block{b}.up"), 2)
            x = self.conv(f, f"block{b}.image") + self.enlarge(x)
            images.append(x)
        return images


def training_step(net):
    torch.manual_seed(1)
    lr = torch.rand(BATCH, 3, PATCH, PATCH)
    targets = [torch.rand(BATCH, 3, PATCH << l, PATCH << l) for l in range(1, net.levels + 1)]
    adam = torch.optim.Adam(net.parameters(), lr=1e-4)

    def step():
        adam.zero_grad()
        sum(F.l1_loss(y, target) for y, target in zip(net(lr), targets)).backward()
        adam.step()

    return step


def milliseconds(fn):
    start = time.perf_counter()
    fn()
    return 1e3 * (time.perf_counter() - start)


def main():
    model, side, threads, source, result = sys.argv[1:]
    tune_malloc()
    torch.set_num_threads(int(threads))
    tensors, meta = read_model(model)
    picture = torch.frombuffer(bytearray(open(source, "rb").read()), dtype=torch.float32)
    picture = picture.view(1, 3, int(side), int(side))
    still = Net(tensors, meta).eval()

    def infer():
        with torch.inference_mode():
            return still(picture)[-1]

    with open(result, "wb") as f:
        f.write(infer().contiguous().numpy().tobytes())
    work = {"w": infer}
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        if line.strip() == "t" and "t" not in work:
            work["t"] = training_step(Net(tensors, meta))
            work["t"]()
        fn = work[line.strip()]
        print(min(milliseconds(fn), milliseconds(fn)), flush=True)


if __name__ == "__main__":
    main()
