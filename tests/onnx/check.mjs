// Runs every case of a list in ONNX Runtime and compares with the engine's output.
// A line: FILE.onnx BASE, then N C H W of the input BASE.in and of the output BASE.out (floats, NCHW).
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const TOLERANCE = 1e-5; // of values in about [0, 1]
const floats = (file) => {
    const bytes = readFileSync(file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

let failures = 0;
let worst = 0;
const lines = readFileSync(process.argv[2], "utf8").trim().split("\n");
const sessions = new Map();
for (const line of lines) {
    const [file, base, ...numbers] = line.split(" ");
    const shape = numbers.map(Number);
    if (!sessions.has(file)) sessions.set(file, await InferenceSession.create(file, { logSeverityLevel: 2 }));
    const session = sessions.get(file);
    const { sr } = await session.run({ lr: new Tensor("float32", floats(`${base}.in`), shape.slice(0, 4)) });
    const wanted = floats(`${base}.out`);
    let difference = sr.dims.join() === shape.slice(4).join() && sr.data.length === wanted.length ? 0 : Infinity;
    let largest = 0;
    for (let i = 0; i < wanted.length; i++) {
        const d = Math.abs(sr.data[i] - wanted[i]);
        if (!(d <= difference)) difference = d;
        largest = Math.max(largest, Math.abs(wanted[i]));
    }
    worst = Math.max(worst, difference);
    const good = difference <= TOLERANCE && largest > 0.1 && largest < 3;
    if (!good) failures++;
    console.log(`${good ? "ok  " : "FAIL"} ${line}: difference ${difference.toExponential(1)}, largest ${largest.toFixed(2)}`);
}
console.log(`${lines.length} cases, ${failures} failed, largest difference ${worst.toExponential(1)}`);
process.exit(failures === 0 && lines.length > 0 ? 0 : 1);
