// ONNX Runtime's side of bench/compare: an exported file on its CPU kernels.
//
// Usage: node ort_peer.mjs PACKAGES MODEL.onnx SIDE THREADS INPUT OUTPUT
//
// PACKAGES is the node_modules folder that has onnxruntime-node; INPUT and OUTPUT are little-endian floats,
// 3 x SIDE x SIDE and the enlarged picture.  Computes OUTPUT, prints {"version": ...}, then answers each
// line "w" with the milliseconds of the faster of two repeats.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [packages, model, side, threads, source, result] = process.argv.slice(2);
const require = createRequire(join(resolve(packages), "x.js"));
const { InferenceSession, Tensor } = require("onnxruntime-node");
const { version } = JSON.parse(readFileSync(join(packages, "onnxruntime-node", "package.json"), "utf8"));

const bytes = readFileSync(source);
const picture = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const session = await InferenceSession.create(model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
});
const lr = new Tensor("float32", picture, [1, 3, Number(side), Number(side)]);

async function milliseconds() {
    const start = performance.now();
    await session.run({ lr });
    return performance.now() - start;
}

const { sr } = await session.run({ lr });
writeFileSync(result, new Uint8Array(sr.data.buffer, sr.data.byteOffset, sr.data.byteLength));
console.log(JSON.stringify({ version }));
for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "w") console.log(Math.min(await milliseconds(), await milliseconds()));
}
