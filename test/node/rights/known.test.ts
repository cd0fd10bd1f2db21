/** What a review knows, judged by what others say: the WIT of WASI, and the world that wasm-tools reads from real components. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DecodeError, UsageError } from "../../../host/errors.ts";
import { compile } from "../../../host/node/index.ts";
import { review } from "../../../host/node/rights.ts";
import { readComponent } from "../../../host/plan/analyze.ts";
import type { Review } from "../../../host/rights/types.ts";
import { componentWit, emptyModule, parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { clang, command } from "../wasi/support.ts";
import { everythingOf } from "./wasi-wit.ts";

describe("review", () => {
  test.each(["0.2.12", "0.3.0"])("knows every function of every interface of WASI %s", async (version) => {
    const bytes = await everythingOf(version);
    const functions = readComponent(bytes).type.imports.flatMap(({ type }) =>
      type.kind === "instance" ? type.exports.filter((item) => item.type.kind === "func") : [],
    );
    // Without the functions there would be nothing to know.
    expect(functions.length).toBeGreaterThan(100);
    const found = await review(bytes);
    expect(found).toMatchObject({ own: [], unknown: [], pure: false });
    const never = Object.keys(found.never).sort();
    expect(never).toEqual(["config", "console", "keyvalue"]);
    expect((await review(bytes, { granted: found.needs })).missing).toEqual({});
  });

  test("is told of a source of any kind, with the hash of its bytes", async () => {
    const bytes = await parseWat("(component)");
    const hash = createHash("sha256").update(bytes).digest("hex");
    expect((await review(bytes)).hash).toBe(hash);
    expect((await review(new Response(bytes))).hash).toBe(hash);
    expect((await compile(bytes)).hash).toBe(hash);
    await expect(review(emptyModule)).rejects.toThrow(DecodeError);
    await expect(review("nothing.wasm")).rejects.toThrow(UsageError);
    await expect(review(bytes, { grants: {} } as object)).rejects.toThrow(
      "Unknown option grants of review; did you mean granted?",
    );
  });

  test.skipIf(clang === undefined)(
    "of a program of C names the interfaces that wasm-tools names, and what their functions allow",
    async () => {
      const bytes = await command(`
      #include <stdio.h>
      #include <time.h>
      int main(int argc, char **argv) { printf("%s %ld\\n", argv[0], (long)time(0)); return 0; }`);
      const found = await review(bytes);
      const wit = await componentWit(bytes);
      const theirs = [...wit.matchAll(/^  import ([^;]+);/gm)].map(([, name]) => name!);
      expect(theirs.length).toBeGreaterThan(5);
      // What hands on what others gave is not named: streams, polls, errors, and interfaces of types alone.
      const silent = /^wasi:(?:io\/|cli\/terminal-(?:input|output)@)/;
      expect(interfacesOf(found)).toEqual(theirs.filter((name) => !silent.test(name)).sort());
      const actions = found.rights.map(({ capability, action }) => `${capability} ${action}`);
      expect(actions).toContain("clocks wall");
      expect(actions).toContain("environment arguments");
      expect(found.never).toMatchObject({ network: ["lookup", "tcp", "listen", "udp", "http"] });
      expect(found.never.random).toContain("secure");
    },
  );
});

function interfacesOf({ rights, own, unknown }: Review): string[] {
  const named = [
    ...rights.flatMap(({ functions }) => functions.map((name) => name.slice(0, name.indexOf("#")))),
    ...[...own, ...unknown].map(({ name }) => name),
  ];
  return [...new Set(named)].sort();
}
