"""The Python package against the program, against numpy, and under wrong use."""

import concurrent.futures
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import drn
import numpy as np

PROGRAM = os.environ["DRN"]


def picture(height=33, width=41, bands=3, dtype=np.uint8, seed=0):
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        0.5 + 0.35 * np.sin(0.2 * x + b + seed) * np.cos(0.15 * y) + 0.02 * ((x * y) % 7)
        for b in range(bands)
    ]
    rgb = np.clip(np.stack(planes, axis=2), 0, 1)
    if np.dtype(dtype).kind == "u":
        rgb = np.round(rgb * np.iinfo(dtype).max)
    return rgb.astype(dtype)


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)


class Upscale(InFolder):
    def test_bits_of_the_program(self):
        small = picture()
        drn.write(self.path("small.ppm"), small)
        for scale in (2, 4, 3):
            run("upscale", self.path("small.ppm"), "-o", self.path("x%d.ppm" % scale), "-s", str(scale), "-q")
            np.testing.assert_array_equal(drn.upscale(small, scale=scale), drn.read(self.path("x%d.ppm" % scale)))
        np.testing.assert_array_equal(drn.upscale(small), drn.upscale(small, scale=4))

    def test_kinds_of_arrays(self):
        for dtype in (np.uint8, np.uint16, np.float32):
            for bands in (1, 2, 3, 4):
                small = picture(9, 12, bands, dtype)
                large = drn.upscale(small, 2)
                self.assertEqual((large.shape, large.dtype), ((18, 24, bands), np.dtype(dtype)))
        grey = picture(9, 12, 1)[:, :, 0]
        self.assertEqual(drn.upscale(grey, 2).shape, (18, 24))
        np.testing.assert_array_equal(drn.upscale(grey, 2), drn.upscale(grey[:, :, None], 2)[:, :, 0])
        wide = picture(9, 12, 3, np.float64)
        self.assertEqual(drn.upscale(wide, 2).dtype, np.float32)
        np.testing.assert_array_equal(drn.upscale(wide, 2), drn.upscale(wide.astype(np.float32), 2))

    def test_strides_and_byte_order(self):
        whole = picture(20, 30, 3, np.uint16)
        for part in (whole[::2, ::3], whole[:, ::-1], whole.transpose(1, 0, 2), whole.astype(">u2")):
            np.testing.assert_array_equal(
                drn.upscale(part, 2), drn.upscale(np.array(part, dtype=np.uint16, order="C"), 2)
            )
        kept = whole.copy()
        drn.upscale(whole, 2)
        np.testing.assert_array_equal(whole, kept)

    def test_sizes(self):
        small = picture(20, 30)
        self.assertEqual(drn.upscale(small, 2.5).shape, (50, 75, 3))
        self.assertEqual(drn.upscale(small, width=100).shape, (67, 100, 3))
        self.assertEqual(drn.upscale(small, width=100, height=50).shape, (50, 100, 3))
        self.assertEqual(drn.upscale(small, width=60, height=60, fit=True).shape, (40, 60, 3))

    def test_options_change_something(self):
        small = picture(20, 30)
        plain = drn.upscale(small, 2)
        self.assertTrue((drn.upscale(small, 2, ensemble=True) != plain).any())
        self.assertTrue((drn.upscale(small, 2, consistent=20) != plain).any())
        back = drn.imresize(drn.upscale(small, 2, consistent=20), 0.5, precision="float").astype(int)
        self.assertLessEqual(np.abs(back - small).max(), 1)
        alpha = picture(20, 30, 4)
        self.assertTrue((drn.upscale(alpha, 2, alpha="bicubic") != drn.upscale(alpha, 2)).any())
        np.testing.assert_array_equal(drn.upscale(small, 2, threads=1), plain)

    def test_result_is_ones_own(self):
        large = drn.upscale(picture(), 2)
        self.assertTrue(large.flags.writeable and large.flags.c_contiguous)
        view = large[3:5, 2:9]
        kept = view.copy()
        del large
        for _ in range(5):
            drn.upscale(picture(), 2)
        np.testing.assert_array_equal(view, kept)

    def test_memory_is_given_back(self):
        grey = np.zeros((1000, 1000), np.uint8)
        drn.imresize(grey, 2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(150):  # 600 MB in all
            drn.imresize(grey, 2)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 100 * 1024)

    def test_threads_share_a_model(self):
        model = drn.Model()
        pictures = [picture(20 + i, 25, seed=i) for i in range(6)]
        alone = [model.upscale(p, 2) for p in pictures]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda p: model.upscale(p, 2, threads=1), pictures * 3))
        for i, large in enumerate(together):
            np.testing.assert_array_equal(large, alone[i % 6])

    def test_others_run_meanwhile(self):
        ticks = []
        stop = threading.Event()

        def tick():
            while not stop.is_set():
                ticks.append(time.monotonic())
                time.sleep(0.005)

        thread = threading.Thread(target=tick)
        thread.start()
        drn.upscale(picture(150, 150), 4, threads=1, tile=400)
        stop.set()
        thread.join()
        self.assertGreater(len(ticks), 5)

    def test_files(self):
        drn.write(self.path("small.ppm"), picture())
        try:
            drn.upscale_file(self.path("small.ppm"), self.path("large.tif"), 2)
        except drn.UnsupportedError as problem:
            self.skipTest(str(problem))
        np.testing.assert_array_equal(drn.read(self.path("large.tif")), drn.upscale(picture(), 2))

    def test_traces(self):
        rng = np.random.default_rng(1)
        smooth = drn.imresize(rng.integers(60, 190, (20, 24, 3), dtype=np.uint8), 8)
        found = drn.traces(smooth)
        self.assertEqual((found.jpeg, found.damaged), (False, False))
        noisy = smooth + rng.normal(0, 6, smooth.shape)
        found = drn.traces(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        self.assertAlmostEqual(found.noise, 6, delta=0.6)
        self.assertEqual((found.jpeg, found.damaged, found.drawn), (False, True, False))
        drawn = np.full((64, 64, 3), 250, np.uint8)
        drawn[10:45, 7:50] = (200, 30, 20)
        found = drn.traces(drawn)
        self.assertEqual((found.damaged, found.drawn, found.edges), (False, True, 1))

    def test_loop_and_trust(self):
        small = picture()
        large = drn.upscale(small, 4)
        loop = drn.check(large, small)
        self.assertGreater(loop.shrunk, 20)
        self.assertIsNone(loop.dual)
        trust = drn.trust(large, small)
        self.assertEqual((trust.shape, trust.dtype), (large.shape[:2], np.dtype(np.uint8)))
        self.assertGreater(int(trust.max()) - int(trust.min()), 200)


class Progress(unittest.TestCase):
    def test_grows_to_one(self):
        shares = []
        drn.upscale(picture(150, 150), 2, tile=32, progress=shares.append)
        self.assertEqual(shares, sorted(shares))
        self.assertEqual(shares[-1], 1)
        self.assertGreater(len(shares), 3)

    def test_false_cancels(self):
        shares = []

        def look(done):
            shares.append(done)
            return len(shares) < 3

        with self.assertRaises(drn.CancelledError) as caught:
            drn.upscale(picture(150, 150), 2, tile=32, progress=look)
        self.assertEqual(caught.exception.name, "DRN_ERR_CANCELLED")
        self.assertEqual(len(shares), 3)

    def test_exceptions_come_through(self):
        def look(done):
            raise LookupError("mine")

        with self.assertRaisesRegex(LookupError, "mine"):
            drn.upscale(picture(150, 150), 2, tile=32, progress=look)

    def test_interrupt(self):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            for _ in range(50):
                drn.upscale(picture(200, 200), 4, tile=32)
        self.assertLess(time.monotonic() - start, 20)
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)


class Models(unittest.TestCase):
    def test_built_in(self):
        listed = json.loads(run("models", "--json"))
        self.assertEqual([m.name for m in drn.models()], [m["name"] for m in listed])
        model = drn.Model()
        default = next(m for m in listed if m["default"])
        self.assertEqual((model.name, model.parameters), (default["name"], default["parameters"]))
        self.assertEqual(", ".join(map(str, model.scales)), default["scales"])
        self.assertEqual(model.config["scale"], max(model.scales))
        self.assertIn("drn.architecture", model.metadata)
        self.assertIn(model.sha256, run("info"))
        self.assertIn(default["name"], repr(model))

    def test_by_name(self):
        small = picture(9, 9)
        name = drn.models()[0].name
        np.testing.assert_array_equal(drn.upscale(small, 2, model=name), drn.Model(name).upscale(small, 2))


class Measures(InFolder):
    def test_psnr_is_its_definition(self):
        a, b = picture(), picture(seed=0.1)
        mse = np.mean((a[3:-3, 3:-3].astype(float) - b[3:-3, 3:-3]) ** 2)
        self.assertAlmostEqual(drn.psnr(a, b, 3, rgb=True), 10 * np.log10(255**2 / mse), places=9)

        def luma(rgb):  # BT.601, of MATLAB's rgb2ycbcr
            return rgb.astype(float) @ [65.481, 128.553, 24.966] / 255 + 16

        mse = np.mean((luma(a) - luma(b)) ** 2)
        self.assertAlmostEqual(drn.psnr(a, b), 10 * np.log10(255**2 / mse), places=6)
        self.assertEqual(drn.psnr(a, a), np.inf)
        self.assertAlmostEqual(drn.ssim(a, a), 1)
        self.assertLess(drn.ssim(a, b), 1)

    def test_score_is_what_evaluate_prints(self):
        os.mkdir(self.path("hr"))
        for seed in range(2):
            drn.write(self.path("hr/%d.ppm" % seed), picture(60, 72, seed=seed))
        printed = json.loads(run("evaluate", "-s", "2", "--data", self.path("hr"), "--json"))
        values = []
        for seed in range(2):
            hr = picture(60, 72, seed=seed)
            values.append(drn.score(drn.upscale(drn.downscale(hr, 2), 2), hr, 2))
        self.assertAlmostEqual(np.mean([v.psnr for v in values]), printed["mean"]["psnr"], places=3)
        self.assertAlmostEqual(np.mean([v.ssim for v in values]), printed["mean"]["ssim"], places=4)

    def test_resizing_is_downscale(self):
        hr = picture(48, 60)
        drn.write(self.path("hr.ppm"), hr)
        run("downscale", self.path("hr.ppm"), "-o", self.path("lr.ppm"), "-s", "3")
        lr = drn.read(self.path("lr.ppm"))
        np.testing.assert_array_equal(drn.imresize(hr, 1 / 3), lr)
        np.testing.assert_array_equal(drn.downscale(hr, 3), lr)
        np.testing.assert_array_equal(drn.imresize(hr, width=20, height=16), lr)
        self.assertEqual(drn.downscale(hr, 3, "paper").dtype, np.float32)
        self.assertEqual(drn.bicubic(lr, 3).shape, hr.shape)
        constant = np.full((20, 20), 77, np.uint8)
        self.assertTrue((drn.imresize(constant, 0.4) == 77).all())


class Wrong(InFolder):
    def test_arrays(self):
        for array in (np.zeros((3, 3), bool), np.zeros((3, 3), np.int32), np.zeros((3, 3), complex), "photo"):
            with self.assertRaises(TypeError):
                drn.upscale(array)
        for shape in ((3,), (3, 3, 5), (3, 3, 3, 3), (0, 3), (3, 3, 0)):
            with self.assertRaises(ValueError):
                drn.upscale(np.zeros(shape, np.uint8))

    def test_options(self):
        small = picture(8, 8)
        for options in ({"scale": 0}, {"scale": 65}, {"alpha": "none"}, {"device": "tpu"},
                        {"scale": 2, "width": 9}, {"width": -3}, {"precision": "int8"}):
            with self.assertRaises(ValueError, msg=options):
                drn.upscale(small, **options)
        with self.assertRaises(TypeError):
            drn.upscale(small, sale=4)
        for options in ({}, {"scale": 2, "width": 5, "height": 5}, {"width": 5}, {"scale": -1},
                        {"scale": 2, "border": "wrap"}):
            with self.assertRaises(ValueError, msg=options):
                drn.imresize(small, **options)
        with self.assertRaises(drn.InvalidError):
            drn.score(small, picture(20, 20), 2)
        with self.assertRaises(drn.InvalidError):
            drn.downscale(small, 2, "folklore")

    def test_files(self):
        with self.assertRaises(drn.FileError) as caught:
            drn.read(self.path("none.png"))
        self.assertEqual(caught.exception.name, "DRN_ERR_IO")
        self.assertIsInstance(caught.exception, OSError)
        self.assertIn("none.png", str(caught.exception))
        with open(self.path("text.png"), "w") as f:
            f.write("hello\n")
        with self.assertRaises(drn.Error):
            drn.read(self.path("text.png"))
        with self.assertRaises(drn.FileError):
            drn.write(self.path("none/a.ppm"), picture())
        with self.assertRaises(drn.UnsupportedError):
            drn.write(self.path("a.xyz"), picture())
        with self.assertRaises(drn.InvalidError):
            drn.Model("no-such-model")
        with self.assertRaises(drn.Error):
            drn.Model(self.path("text.png"))

    def test_no_library(self):
        for where, words in (("/nonexistent.so", "nonexistent"), (__file__, "DRN_LIBRARY"), ("libm.so.6", "no drn_")):
            done = subprocess.run([sys.executable, "-c", "import drn"], capture_output=True, text=True,
                                  env={**os.environ, "DRN_LIBRARY": where})
            self.assertEqual(done.returncode, 1)
            self.assertIn("ImportError", done.stderr)
            self.assertIn(words, done.stderr)


class Train(InFolder):
    tiny = {"train.steps": 8, "train.warmup": 0, "train.val_every": 0, "model.channels": 8,
            "model.modules": 1, "data.patch": 8, "data.batch": 1}  # fmt: skip

    def test_train_and_use(self):
        os.mkdir(self.path("data"))
        drn.write(self.path("data/a.ppm"), picture(64, 64))
        seen = []
        drn.train("tiny-x2", self.path("data"), self.path("run"), set=self.tiny, progress=lambda p: seen.append(p))
        self.assertEqual([p.step for p in seen], list(range(1, 9)))
        self.assertTrue(all(np.isfinite(p.loss) for p in seen))
        model = drn.Model(self.path("run/model.safetensors"))
        self.assertEqual(model.scales, (2,))
        self.assertEqual(model.upscale(picture(8, 8)).shape, (16, 16, 3))

    def test_stop_and_resume(self):
        os.mkdir(self.path("data"))
        drn.write(self.path("data/a.ppm"), picture(64, 64))
        arguments = ("tiny-x2", [self.path("data")], self.path("run"))
        with self.assertRaises(drn.CancelledError):
            drn.train(*arguments, set=self.tiny, progress=lambda p: p.step < 3)
        seen = []
        drn.train(*arguments, set=self.tiny, resume=True, progress=lambda p: seen.append(p.step))
        self.assertEqual(seen, list(range(4, 9)))
        with self.assertRaises(drn.Error):
            drn.train("no-such-recipe", self.path("data"), self.path("run2"))


class Pillow(InFolder):
    def test_there_and_back(self):
        try:
            from PIL import Image
        except ImportError:
            self.skipTest("no Pillow (python3-pil)")
        for mode in ("L", "RGB", "RGBA"):
            small = Image.fromarray(picture(12, 15, len(mode) if mode != "L" else 1).squeeze(), mode)
            large = Image.fromarray(drn.upscale(small, 2))
            self.assertEqual((large.mode, large.size), (mode, (30, 24)))
            small.save(self.path("small.png"))
            try:
                np.testing.assert_array_equal(drn.upscale(drn.read(self.path("small.png")), 2), np.asarray(large))
            except drn.UnsupportedError:
                pass  # a build without libvips


if __name__ == "__main__":
    unittest.main()
