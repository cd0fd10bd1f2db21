/**
 * Builds a module with an allocator that counts, or with a collection at every single allocation.
 *
 * The library that asc ships is changed as it is parsed, in its syntax tree: nothing on the disk is.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as asc from "assemblyscript/asc";
import { type Component, compile } from "../../host/node/index.ts";
import { generate } from "../../scripts/toolchain/build/index.ts";
import { createTransform } from "../../scripts/toolchain/guest/transform.ts";
import { componentEmbed, componentNew } from "../../scripts/toolchain/wasm-tools.ts";
import { readWorld } from "../../scripts/toolchain/wit/world.ts";

export type Instrument = "count" | "collect";

/** The part of asc's syntax tree that is changed. */
interface Node {
  text?: string;
  readonly name?: Node;
  readonly body?: Node;
  readonly statements?: readonly Node[];
  readonly condition?: Node;
  readonly ifTrue?: Node;
  readonly left?: Node;
  readonly right?: Node;
  readonly expression?: Node;
  readonly args?: readonly Node[];
}
interface Parser {
  readonly sources: readonly (Node & { readonly normalizedPath: string })[];
}

/**
 * Functions that the counting build adds to the module's `index.ts`, which must export what the WIT calls
 * `live-blocks` and `collect-all`.
 */
export const counterText = `
let living: i32 = 0;
// @ts-ignore: decorator
@global
function __test_allocated<T>(block: T): void {
  living++;
}
// @ts-ignore: decorator
@global
function __test_freed<T>(block: T): void {
  living--;
}
/** Blocks of the heap in use, after a full collection. */
export function liveBlocks(): u32 {
  __collect();
  return living;
}
`;

/** Compiles a module folder in this process. */
export async function buildInstrumented(dir: string, instrument: Instrument): Promise<Component> {
  const world = await readWorld(join(dir, "world.wit"));
  const guest = generate(world);
  const generated = new Map([...guest.files].map(([name, text]) => [`bindings/${name}`, text]));
  let core: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [`bindings/${guest.entry}`, "--outFile", "module.wasm", "-O", "--exportStart", "_initialize", ...guest.ascFlags],
    {
      readFile: (name: string) => generated.get(name) ?? read(resolve(dir, name)),
      writeFile: (_: string, contents: Uint8Array | string) => void (core = contents as Uint8Array),
      listFiles: () => null,
      transforms: [createTransform(guest.exportTypes, guest.renames), changer(instrument)],
    } as object,
  );
  if (error !== null)
    throw new Error(
      `${error.message}\n${`${stderr}`
        .split("\n\n")
        .filter((one) => one.includes("ERROR"))
        .join("\n")}`,
    );
  const embedded = await componentEmbed(core!, { witPath: join(dir, "world.wit"), world: world.name });
  return compile(await componentNew(embedded));
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function changer(instrument: Instrument): new () => object {
  return class {
    afterParse({ sources }: Parser): void {
      const source = (name: string): Node =>
        sources.find(({ normalizedPath }) => normalizedPath === `~lib/rt/${name}.ts`)!;
      if (instrument === "count") {
        trace(functionOf(source("tlsf"), "allocateBlock"), "__test_allocated");
        trace(functionOf(source("tlsf"), "freeBlock"), "__test_freed");
        return;
      }
      // `if (total >= threshold) interrupt();` becomes `if (total >= total) __collect();`
      const step = conditions(functionOf(source("itcms"), "__new")).find(
        ({ condition }) => condition?.left?.text === "total",
      )!;
      step.condition!.right!.text = "total";
      step.ifTrue!.expression!.expression!.text = "__collect";
    }
  };
}

function functionOf(source: Node, name: string): Node {
  return source.statements!.find((node) => node.name?.text === name)!;
}

function conditions(func: Node): readonly Node[] {
  return func.body!.statements!.filter(({ condition }) => condition !== undefined);
}

/** `if (isDefined(ASC_RTRACE)) onalloc(block);` calls the hook instead. */
function trace(func: Node, hook: string): void {
  const place = conditions(func).find(({ condition }) => condition?.args?.[0]?.text === "ASC_RTRACE")!;
  place.condition!.args![0]!.text = "ROOT";
  place.ifTrue!.expression!.expression!.text = hook;
}
