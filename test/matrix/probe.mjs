// Run by `npm run test:matrix` under each version of Node: what differs between engines, as one line of JSON.
import v8 from "node:v8";
import { readFileSync } from "node:fs";

/** Given as base64: `a` calls an empty table entry, `b` an entry of another type. */
const bytes = Buffer.from(process.argv[2], "base64");

function textOf(call) {
  try {
    call();
    return "no trap";
  } catch (error) {
    return error.message;
  }
}

function reservedGiB() {
  if (process.platform !== "linux") return undefined;
  const before = reserved();
  const kept = new WebAssembly.Memory({ initial: 1 });
  const after = reserved();
  return kept.buffer.byteLength > 0 ? Math.round((after - before) / 2 ** 30) : undefined;
}

function reserved() {
  let bytesReserved = 0;
  for (const [, start, end] of readFileSync("/proc/self/maps", "latin1").matchAll(/^([0-9a-f]+)-([0-9a-f]+) ---p/gm)) {
    bytesReserved += Number.parseInt(end, 16) - Number.parseInt(start, 16);
  }
  return bytesReserved;
}

const { a, b } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
console.log(
  JSON.stringify({
    version: process.version,
    nullCall: textOf(a),
    wrongSignature: textOf(b),
    reservedGiB: reservedGiB(),
    countsMemories: typeof v8.queryObjects === "function",
    suspending: typeof WebAssembly.Suspending === "function",
  }),
);
