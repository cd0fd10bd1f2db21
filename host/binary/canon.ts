/**
 * The canonical definitions section: lift, lower, the resource built-ins, and every other built-in by name.
 *
 * Checks the encoding and that options neither repeat nor conflict. Follows design/mvp/Binary.md, "Canonical Definitions".
 */
import { readCoreValueType } from "./core-types.ts";
import type { CanonDefinition, CanonImmediates, CanonOptions } from "./definition.ts";
import { limits } from "./limits.ts";
import { hex, type Reader } from "./reader.ts";
import { readResultList } from "./type-section.ts";

const encodings = ["utf8", "utf16", "latin1+utf16"] as const;

type ReadImmediates = (reader: Reader) => CanonImmediates;

const none: ReadImmediates = () => ({});
const type: ReadImmediates = (reader) => ({ type: reader.u32("a type index") });
const async: ReadImmediates = (reader) => ({ async: reader.flag("async") });
const cancellable: ReadImmediates = (reader) => ({ cancellable: reader.flag("cancellable") });
const options: ReadImmediates = (reader) => ({ options: readCanonOptions(reader) });
const typeOptions: ReadImmediates = (reader) => ({ ...type(reader), ...options(reader) });
const typeAsync: ReadImmediates = (reader) => ({ ...type(reader), ...async(reader) });
const waitMemory: ReadImmediates = (reader) => ({ ...cancellable(reader), memory: reader.u32("a core memory index") });
const context: ReadImmediates = (reader) => ({
  coreType: readCoreValueType(reader, (index, at, offset) => {
    throw at.error(`Core type ${index} cannot be the type of a context slot`, offset);
  }),
  index: reader.u32("a context slot"),
});
const coreType: ReadImmediates = (reader) => ({ coreType: reader.u32("a core type index") });
const coreTypeTable: ReadImmediates = (reader) => ({ ...coreType(reader), table: reader.u32("a core table index") });
const shared: ReadImmediates = (reader) => ({ shared: reader.flag("shared") });

const builtins: ReadonlyMap<number, readonly [name: string, read: ReadImmediates]> = new Map([
  [0x05, ["task.cancel", none]],
  [0x06, ["subtask.cancel", async]],
  [
    0x09,
    [
      "task.return",
      (reader): CanonImmediates => {
        const result = readResultList(reader);
        return { ...(result === undefined ? {} : { result }), options: readCanonOptions(reader) };
      },
    ],
  ],
  [0x0a, ["context.get", context]],
  [0x0b, ["context.set", context]],
  [0x0c, ["thread.yield", cancellable]],
  [0x0d, ["subtask.drop", none]],
  [0x0e, ["stream.new", type]],
  [0x0f, ["stream.read", typeOptions]],
  [0x10, ["stream.write", typeOptions]],
  [0x11, ["stream.cancel-read", typeAsync]],
  [0x12, ["stream.cancel-write", typeAsync]],
  [0x13, ["stream.drop-readable", type]],
  [0x14, ["stream.drop-writable", type]],
  [0x15, ["future.new", type]],
  [0x16, ["future.read", typeOptions]],
  [0x17, ["future.write", typeOptions]],
  [0x18, ["future.cancel-read", typeAsync]],
  [0x19, ["future.cancel-write", typeAsync]],
  [0x1a, ["future.drop-readable", type]],
  [0x1b, ["future.drop-writable", type]],
  [0x1c, ["error-context.new", options]],
  [0x1d, ["error-context.debug-message", options]],
  [0x1e, ["error-context.drop", none]],
  [0x1f, ["waitable-set.new", none]],
  [0x20, ["waitable-set.wait", waitMemory]],
  [0x21, ["waitable-set.poll", waitMemory]],
  [0x22, ["waitable-set.drop", none]],
  [0x23, ["waitable.join", none]],
  [0x24, ["backpressure.inc", none]],
  [0x25, ["backpressure.dec", none]],
  [0x26, ["thread.index", none]],
  [0x27, ["thread.new-indirect", coreTypeTable]],
  [0x28, ["thread.resume-later", none]],
  [0x29, ["thread.suspend", cancellable]],
  [0x2a, ["thread.suspend-then-resume", cancellable]],
  [0x2b, ["thread.yield-then-resume", cancellable]],
  [0x2c, ["thread.suspend-then-promote", cancellable]],
  [0x2d, ["thread.yield-then-promote", cancellable]],
  [0x40, ["thread.spawn-ref", (reader): CanonImmediates => ({ ...shared(reader), ...coreType(reader) })]],
  [0x41, ["thread.spawn-indirect", (reader): CanonImmediates => ({ ...shared(reader), ...coreTypeTable(reader) })]],
  [0x42, ["thread.available-parallelism", shared]],
]);

export function readCanon(reader: Reader): CanonDefinition {
  const offset = reader.offset;
  const byte = reader.byte("a canonical definition");
  switch (byte) {
    case 0x00: {
      reader.expect(0x00, "the sort of a lifted function");
      const func = reader.u32("a core function index");
      const options = readCanonOptions(reader);
      return { kind: "canon", offset, op: "lift", func, options, type: reader.u32("a type index") };
    }
    case 0x01: {
      reader.expect(0x00, "the sort of a lowered function");
      const func = reader.u32("a function index");
      return { kind: "canon", offset, op: "lower", func, options: readCanonOptions(reader) };
    }
    case 0x02:
      return { kind: "canon", offset, op: "resource.new", type: reader.u32("a type index") };
    case 0x03:
      return { kind: "canon", offset, op: "resource.drop", type: reader.u32("a type index") };
    case 0x04:
      return { kind: "canon", offset, op: "resource.rep", type: reader.u32("a type index") };
    default: {
      const builtin = builtins.get(byte);
      if (builtin === undefined) throw reader.unknown(byte, "a canonical definition");
      return { kind: "canon", offset, op: "other", name: builtin[0], immediates: builtin[1](reader) };
    }
  }
}

const optionNames = ["", "", "", "memory", "realloc", "post-return", "async", "callback"] as const;

function readCanonOptions(reader: Reader): CanonOptions {
  let stringEncoding: CanonOptions["stringEncoding"] | undefined;
  const indices = new Map<string, number>();
  reader.vector("canonical options", limits.canonOptions, () => {
    const at = reader.offset;
    const byte = reader.byte("a canonical option");
    const encoding = encodings[byte];
    if (encoding !== undefined) {
      if (stringEncoding !== undefined) {
        throw reader.error(`The string encoding ${encoding} conflicts with ${stringEncoding}, given before`, at);
      }
      stringEncoding = encoding;
      return;
    }
    const name = optionNames[byte];
    if (name === undefined) throw reader.error(`${hex(byte)} is not a canonical option`, at);
    if (indices.has(name)) throw reader.error(`The canonical option ${name} is given twice`, at);
    indices.set(name, name === "async" ? 0 : reader.u32(`the index of ${name}`));
  });
  return {
    stringEncoding: stringEncoding ?? "utf8",
    memory: indices.get("memory"),
    realloc: indices.get("realloc"),
    postReturn: indices.get("post-return"),
    async: indices.has("async"),
    callback: indices.get("callback"),
  };
}
