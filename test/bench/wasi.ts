/** Calls of WASI: `tenon/wasi` against preview2-shim, under this host and under jco's glue, in turns. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { guest } from "../node/wasi/guest.ts";
import type { Goal, Medians, Row } from "./measure.ts";

type MakeRow = (name: string, medians: Medians, goals: readonly Goal[]) => Row;

const SIDES = ["tenon/wasi", "preview2-shim", "preview2-shim, jco"];
const TURNS = 3;
/** How many times faster than the shim under jco, which is how it is used elsewhere. */
const AIMS: Readonly<Record<string, number>> = { "16 bytes to stdout": 1 };

export async function wasiRows(makeRow: MakeRow): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "tenon-bench-"));
  const found = new Map<string, Record<string, number[]>>();
  try {
    const file = join(folder, "guest.wasm");
    await writeFile(file, await guest());
    for (let turn = 0; turn < TURNS; turn++) {
      for (const side of SIDES) {
        for (const [name, ns] of Object.entries(await run(side, file))) {
          const row = found.get(name) ?? {};
          found.set(name, row);
          (row[side] ??= []).push(ns);
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return [...found].map(([name, sides]) => {
    const medians = Object.fromEntries(
      Object.entries(sides).map(([side, values]) => [side, values.sort((a, b) => a - b)[values.length >> 1]!]),
    );
    return makeRow(`wasi: ${name}`, medians, [
      ["preview2-shim", "tenon/wasi", "at least", 1],
      ["preview2-shim, jco", "tenon/wasi", "at least", AIMS[name] ?? 5],
    ]);
  });
}

function run(side: string, file: string): Promise<Medians> {
  const script = fileURLToPath(new URL("wasi-calls.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", script, side, file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk));
    child.on("error", reject);
    child.on("close", () => {
      const json = /\{.*\}$/s.exec(text);
      if (json === null) reject(new Error(`${side} gave no result: ${text}`));
      else resolve(JSON.parse(json[0]) as Medians);
    });
  });
}
