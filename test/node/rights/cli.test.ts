import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Review } from "../../../host/rights/types.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { tenon } from "../shell.ts";

const root = await mkdtemp(join(tmpdir(), "tenon-rights-"));
afterAll(() => rm(root, { recursive: true, force: true }));

const place = (name: string): string => join(root, name);

beforeAll(async () => {
  const log = `(import "my:app/log@1.0.0" (instance (export "write" (func))))`;
  const http = `(import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))`;
  await writeFile(place("pure.wasm"), await parseWat("(component)"));
  await writeFile(place("old.wasm"), await parseWat(`(component ${log})`));
  await writeFile(place("new.wasm"), await parseWat(`(component ${log} ${http})`));
});

describe("tenon review", () => {
  test("tells in sentences what a component can do", async () => {
    expect(await tenon("review", place("pure.wasm"))).toEqual({
      status: 0,
      out: "It imports nothing:\n  it computes with its arguments and its own memory, and reaches nothing else\n",
      err: "",
    });
    const { out } = await tenon("review", place("new.wasm"));
    expect(out).toContain("It can\n  send HTTP requests\n");
    expect(out).toContain("It can call what you or other modules give it as\n  my:app/log@1.0.0: write\n");
    expect(out).toContain("Apart from what these do, it can never\n  see, open, read or change files\n");
  });

  test("tells what an update adds", async () => {
    const { out, status } = await tenon("review", place("new.wasm"), "--against", place("old.wasm"));
    expect(status).toBe(0);
    expect(out).toContain("New in this version, it can\n  send HTTP requests\n");
  });

  test("fails when more is needed than is granted, and says what; the grants it prints are enough", async () => {
    const old = await tenon("review", place("old.wasm"), "--needs");
    expect(JSON.parse(old.out)).toEqual({ "my:app/log@1": ["write"] });
    await writeFile(place("grants.json"), old.out);
    const granted = ["--granted", place("grants.json")];
    expect((await tenon("review", place("old.wasm"), ...granted)).status).toBe(0);
    const more = await tenon("review", place("new.wasm"), ...granted);
    expect(more.status).toBe(1);
    expect(more.out).toContain("It is not granted that it can\n  send HTTP requests\n");
    const json = await tenon("review", place("new.wasm"), "--json", ...granted);
    expect(json.status).toBe(1);
    expect((JSON.parse(json.out) as Review).missing).toEqual({ network: ["http"] });
  });

  test("names the file that is wrong", async () => {
    await writeFile(place("broken.json"), "{");
    await writeFile(place("fils.json"), `{ "fils": true }`);
    await writeFile(place("text.wasm"), "no component");
    const failures = [
      [[place("text.wasm")], "text.wasm: A component starts with"],
      [[place("pure.wasm"), "--against", place("text.wasm")], "text.wasm: A component starts with"],
      [[place("pure.wasm"), "--granted", place("broken.json")], "broken.json: "],
      [[place("pure.wasm"), "--granted", place("fils.json")], "did you mean files?"],
      [[place("pure.wasm"), "--granted", place("nowhere.json")], "nowhere.json"],
    ] as const;
    for (const [args, message] of failures) {
      const { status, out, err } = await tenon("review", ...args);
      expect({ status, out }).toEqual({ status: 1, out: "" });
      expect(err).toContain(message);
    }
    expect(await tenon("review", place("pure.wasm"), "--needs", "--json")).toMatchObject({ status: 2 });
  });
});
