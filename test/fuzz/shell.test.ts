/**
 * The cache of shells judges as if it were empty: a mutant is refused or accepted the same way after any other was loaded.
 *
 * Mutants change bytes anywhere, and move the boundaries between a core module and the component around it: what was
 * inside stands outside with its bytes unchanged, and the reverse.
 */
import { beforeAll, expect, test } from "vitest";
import type { ComponentDefinition } from "../../host/binary/definition.ts";
import { eachSection, joined, PREAMBLE_BYTES, u32Bytes } from "../../host/binary/framing.ts";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { analyze } from "../../host/plan/analyze.ts";
import { compileCore, exposedModule } from "../../host/runtime/core.ts";
import { prepareBytes } from "../../host/runtime/compiler.ts";
import { shellOf } from "../../host/runtime/shell.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { scaled, seed } from "../differential/budget.ts";
import { mutate, randomFrom } from "./mutate.ts";

type Bytes = Uint8Array<ArrayBuffer>;
interface Piece {
  readonly id: number;
  readonly contents: Bytes;
}

const texts = [
  `(component
    (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))`,
  `(component
    (core module $m (memory (export "memory") 1) (global (mut i32) (i32.const 7)) (table 2 funcref)
      (func $start) (start $start) (func (export "go") (result i32) (i32.load (i32.const 0))) (data (i32.const 0) "abc"))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func (export "go") (result u32) (canon lift (core func $i "go") (memory $memory))))`,
  `(component
    (import "log" (func $log (param "n" u32)))
    (core func $lowered (canon lower (func $log)))
    (core module $a (import "h" "log" (func $log (param i32))) (memory 1) (func (export "f") (param i32) (call $log (local.get 0))))
    (core module $b (import "a" "f" (func $f (param i32))) (func (export "g") (param i32) (call $f (local.get 0))))
    (core instance $a (instantiate $a (with "h" (instance (export "log" (func $lowered))))))
    (core instance $b (instantiate $b (with "a" (instance $a))))
    (func (export "g") (param "n" u32) (canon lift (core func $b "g"))))`,
];

const originals: Bytes[] = [];
beforeAll(async () => {
  for (const text of texts) {
    const parsed = new Uint8Array(await parseWat(text));
    originals.push(parsed, withCustomSections(parsed));
  }
});

function pieces(bytes: Bytes): Piece[] {
  const found: Piece[] = [];
  const whole = eachSection(bytes, PREAMBLE_BYTES, bytes.length, (id, start, end) => {
    found.push({ id, contents: bytes.slice(start, end) });
    return true;
  });
  expect(whole).toBe(true);
  return found;
}

function assemble(preamble: Bytes, sections: readonly Piece[]): Bytes {
  return joined([preamble, ...sections.flatMap(({ id, contents }) => [[id, ...u32Bytes(contents.length)], contents])]);
}

/** A custom section in every core module, and one behind the last. */
function withCustomSections(bytes: Bytes): Bytes {
  const custom: Piece = { id: 0, contents: Uint8Array.of(4, 0x6e, 0x61, 0x6d, 0x65, 1, 2) };
  const inner = (module: Bytes): Bytes => assemble(module.slice(0, 8), [...pieces(module), custom]);
  const sections = pieces(bytes).map((piece) => (piece.id === 1 ? { id: 1, contents: inner(piece.contents) } : piece));
  return assemble(bytes.slice(0, 8), [...sections, custom]);
}

/** Moves sections over the end of a core module: its last ones out, or the component's next ones in. */
function moved(bytes: Bytes, random: () => number): Bytes {
  const sections = pieces(bytes);
  const modules = sections.flatMap(({ id }, index) => (id === 1 ? [index] : []));
  const at = modules[Math.floor(random() * modules.length)]!;
  const module = sections[at]!.contents;
  const inside = pieces(module);
  const count = 1 + Math.floor(random() * 3);
  if (random() < 0.5) {
    const kept = inside.slice(0, Math.max(0, inside.length - count));
    const shorter = { id: 1, contents: assemble(module.slice(0, 8), kept) };
    sections.splice(at, 1, shorter, ...inside.slice(kept.length));
  } else {
    const taken = sections.splice(at + 1, count);
    sections[at] = { id: 1, contents: assemble(module.slice(0, 8), [...inside, ...taken]) };
  }
  return assemble(bytes.slice(0, 8), sections);
}

/** Takes one kind of section out of a core module and puts it behind. */
function expelled(bytes: Bytes, random: () => number): Bytes {
  const sections = pieces(bytes);
  const modules = sections.flatMap(({ id }, index) => (id === 1 ? [index] : []));
  const at = modules[Math.floor(random() * modules.length)]!;
  const module = sections[at]!.contents;
  const inside = pieces(module);
  const id = inside[Math.floor(random() * inside.length)]!.id;
  const shorter = assemble(
    module.slice(0, 8),
    inside.filter((piece) => piece.id !== id),
  );
  sections.splice(at, 1, { id: 1, contents: shorter }, ...inside.filter((piece) => piece.id === id));
  return assemble(bytes.slice(0, 8), sections);
}

/** What is said of bytes without any cache. */
async function cold(bytes: Bytes): Promise<string> {
  return verdict(async () => {
    const { definition } = analyze(bytes);
    await compileAll(bytes, definition);
  });
}

async function compileAll(bytes: Bytes, { definitions }: ComponentDefinition): Promise<void> {
  for (const item of definitions) {
    if (item.kind === "component") await compileAll(bytes, item.component);
    if (item.kind === "core-module") await compileCore(bytes, exposedModule(bytes, { ...item, kind: "embedded" }));
  }
}

async function verdict(judge: () => Promise<unknown>): Promise<string> {
  try {
    await judge();
    return "accepted";
  } catch (error) {
    expect(error instanceof DecodeError || error instanceof UnsupportedError, String(error)).toBe(true);
    return (error as Error).name;
  }
}

test("what a warm cache says of a mutant is what a cold one says", { timeout: 120_000 }, async () => {
  const random = randomFrom(seed);
  const counts = { mutants: 0, accepted: 0, refused: 0, knownShells: 0 };
  const known = new Set(originals.map((bytes) => hex(shellOf(bytes)!.key)));
  for (const original of originals) {
    for (let count = scaled(700); count > 0; count--) {
      // Whatever a mutant left in the cache, the originals are in it.
      await prepareBytes(original);
      const kind = count % 4;
      const change = kind === 0 ? moved : kind === 1 ? expelled : undefined;
      const mutant = change?.(original, random) ?? mutate(original, [{ start: 8, end: original.length }], random);
      const expected = await cold(mutant);
      const found = await verdict(() => prepareBytes(mutant));
      expect(found, hex(mutant)).toBe(expected);
      counts.mutants++;
      counts[expected === "accepted" ? "accepted" : "refused"]++;
      const shell = shellOf(mutant);
      if (shell !== undefined && known.has(hex(shell.key))) counts.knownShells++;
    }
  }
  console.log(`shells: seed ${seed}, ${JSON.stringify(counts)}`);
  // Without mutants of all kinds this would prove nothing.
  expect(counts.accepted).toBeGreaterThan(counts.mutants / 100);
  expect(counts.refused).toBeGreaterThan(counts.mutants / 4);
  expect(counts.knownShells).toBeGreaterThan(counts.mutants / 100);
});

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
