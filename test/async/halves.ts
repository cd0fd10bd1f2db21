/**
 * The components of jco's tests with one half of a pair in AssemblyScript: callers and callees in Rust meet those of
 * `test/bindings/asynchronous/halves`, which are built here.
 */
import { equal } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { wasi } from "../../host/node/wasi.ts";
import { Workshop } from "../bindings/harness.ts";
import { call, type Case } from "./bench.ts";

const folder = fileURLToPath(new URL("../bindings/asynchronous/halves", import.meta.url));

const built = new Map<string, Uint8Array>();

/** Builds both halves, once. */
async function prepare(): Promise<void> {
  if (built.size > 0) return;
  const workshop = await Workshop.open();
  try {
    const wit = await readFile(`${folder}/local.wit`, "utf8");
    for (const name of ["callee", "caller"]) {
      const dir = await workshop.folder({ "world.wit": wit }, `${folder}/${name}/module`);
      const { component } = await workshop.build(dir, { world: name, features: "all" });
      built.set(name, await readFile(component));
    }
  } finally {
    await workshop.close();
  }
}

class X {
  foo(): void {}
}
const types = { "local:local/borrowing-types": { X } };

const callers = [
  ["error-context/async-error-context-caller.wasm", "local:local/run#run"],
  ["streams/async-unit-stream-caller.wasm", "local:local/run#run"],
  ["streams/async-read-resource-stream.wasm", "local:local/run#run"],
  ["general/async-borrowing-caller.wasm", "local:local/run-bool#run"],
] as const;

const callees = [
  "error-context/async-error-context-callee.wasm",
  "streams/async-unit-stream-callee.wasm",
  "general/async-transmit-callee.wasm",
  "general/async-borrowing-callee.wasm",
  "general/async-short-reads.wasm",
];
const many = "round-trip/async-round-trip-many-stackless.wasm";

export const halves: readonly Case[] = [
  ...callers.map(([file, run]): Case => ({
    title: `${file.replace(/^.*\/(async-)?|\.wasm$/g, "")}: with a callee in AssemblyScript`,
    files: [file],
    prepare,
    run: async (bench) => {
      await bench.load(built.get("callee")!, [types]);
      const caller = await bench.load(file, [wasi({}), types]);
      await call(caller, run)(false);
    },
  })),
  {
    title: "callees in Rust with a caller in AssemblyScript",
    files: [...callees, many],
    prepare,
    run: async (bench) => {
      for (const file of callees) await bench.load(file, [wasi({}), types]);
      const foo = async (text: string, ...rest: unknown[]): Promise<unknown[]> => [
        `${text} - entered host - exited host`,
        ...rest.slice(0, 6),
      ];
      await bench.load(many, [wasi({}), { "local:local/many": { foo } }]);
      const caller = await bench.load(built.get("caller")!, [types]);
      for (const name of ["errors", "units", "transmits", "borrows", "reads", "values"]) {
        equal(await call(caller, name)(), "", name);
      }
    },
  },
];
