/**
 * What a review says of components nobody wrote: mutants of components, and imports of random names and functions.
 *
 * Whatever the bytes, they end in an error that is promised or in a review that leaves no import out: every function is among
 * the rights, the own imports or the unknown ones, unless it is one of the few that hand on what others gave.
 */
import { beforeAll, expect, test } from "vitest";
import { DecodeError, UnsupportedError } from "../../host/errors.ts";
import { readComponent } from "../../host/plan/analyze.ts";
import { reviewBytes } from "../../host/rights/review.ts";
import type { Review } from "../../host/rights/types.ts";
import type { ExternDecl } from "../../host/model/types.ts";
import { parseWat } from "../../scripts/toolchain/wasm-tools.ts";
import { scaled, seed } from "../differential/budget.ts";
import { crafted } from "./crafted.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { isPromised } from "./originals.ts";

const interfaces = [
  "wasi:filesystem/types@0.2.0",
  "wasi:filesystem/types@0.3.0",
  "wasi:filesystem/types@0.5.0",
  "wasi:sockets/tcp@0.2.1",
  "wasi:io/streams@0.2.0",
  "wasi:io/streams",
  "wasi:nn/graph@0.2.0-rc-2",
  "my:app/log@1.0.0",
  "tenon:module/console@0.1.0",
  "plain",
];
const functions = [
  ...["[method]descriptor.read", "[method]descriptor.open-at", "[method]descriptor.READ", "[static]descriptor.read"],
  ...["[method]input-stream.read", "[method]tcp-socket.accept", "[method]tcp-socket.start-connect"],
  ...["[constructor]descriptor", "read", "write", "time", "poll", "instance-network"],
];
/** The functions of the lists above that give nothing of their own. */
const HANDS_ON = /^wasi:io\/streams@0\.2\.0#\[(?:method|static)\]input-stream\.read$/;

let originals: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  originals = await Promise.all(crafted.map(async (fields) => new Uint8Array(await parseWat(`(component ${fields})`))));
});

/** Every function that is imported, found without anything of the review. */
function importedFunctions(decls: readonly ExternDecl[], prefix = ""): string[] {
  return decls.flatMap(({ name, type }) => {
    if (type.kind === "func") return [prefix + name];
    return type.kind === "instance" ? importedFunctions(type.exports, `${prefix}${name}#`) : [];
  });
}

function told({ rights, own, unknown }: Review): Set<string> {
  const open = [...own, ...unknown].flatMap(({ name, kind, items }) =>
    items.map((item) => (kind === "instance" ? `${name}#${item}` : item)),
  );
  return new Set([...rights.flatMap((right) => right.functions), ...open]);
}

function judge(bytes: Uint8Array<ArrayBuffer>): "reviewed" | "refused" {
  let review: Review;
  try {
    review = reviewBytes({ bytes, hash: "" }, { bytes, hash: "" }, {});
  } catch (error) {
    expect(isPromised(error, [DecodeError, UnsupportedError], bytes), String(error)).toBe(true);
    return "refused";
  }
  const known = told(review);
  const all = importedFunctions(readComponent(bytes).type.imports);
  expect(all.filter((name) => !known.has(name) && !HANDS_ON.test(name))).toEqual([]);
  if (all.length > 0) expect(review.pure).toBe(false);
  // Beside itself nothing is new, and with nothing granted all that it needs is missing.
  expect(review.update).toMatchObject({
    added: {},
    dropped: {},
    changed: [],
    exports: { added: [], dropped: [], changed: [] },
  });
  expect(review.missing).toEqual(review.needs);
  expect(reviewBytes({ bytes, hash: "" }, undefined, review.needs).missing).toEqual({});
  return "reviewed";
}

test("a review of mutants is one that leaves no import out, or an error that is promised", { timeout: 60_000 }, () => {
  const random = randomFrom(seed);
  const counts = { reviewed: 0, refused: 0 };
  for (let count = scaled(3_000); count > 0; count--) {
    const original = originals[Math.floor(random() * originals.length)]!;
    counts[judge(mutate(original, [{ start: 8, end: original.length }], random))]++;
  }
  console.log(`reviews of mutants: seed ${seed}, ${JSON.stringify(counts)}`);
  expect(counts.reviewed).toBeGreaterThan(scaled(3_000) / 20);
  expect(counts.refused).toBeGreaterThan(scaled(3_000) / 4);
});

test("a review of random imports leaves none out", async () => {
  const random = randomFrom(seed);
  const some = <T>(from: readonly T[]): T[] => from.filter(() => random() < 0.3);
  for (let count = scaled(40); count > 0; count--) {
    const text = some(interfaces).map((id) => {
      const chosen = some(functions).filter(
        (name, _, all) => !all.some((other) => other !== name && alike(other, name)),
      );
      const resources = new Set(chosen.flatMap((name) => /^\[\w+\]([^.]+)/.exec(name)?.[1] ?? []));
      const types = [...resources].map((name) => `(export "${name}" (type $${name} (sub resource)))`);
      const items = chosen.map((name) => {
        const [, kind, resource] = /^\[(\w+)\]([^.]+)/.exec(name) ?? [];
        if (kind === "constructor") return `(export "${name}" (func (result (own $${resource}))))`;
        return `(export "${name}" (func${kind === "method" ? ` (param "self" (borrow $${resource}))` : ""}))`;
      });
      return `(import "${id}" (instance ${[...types, ...items].join(" ")}))`;
    });
    expect(judge(new Uint8Array(await parseWat(`(component ${text.join("\n")})`)))).toBe("reviewed");
  }
});

/** Whether two names may not stand in one interface. */
function alike(a: string, b: string): boolean {
  const bare = (name: string): string => name.replace(/^\[(?:method|static)\]/, "").toLowerCase();
  return bare(a) === bare(b);
}
