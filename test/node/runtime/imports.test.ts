import { describe, expect, test } from "vitest";
import { LinkError } from "../../../host/errors.ts";
import { createHost } from "../../../host/node/index.ts";
import { parseWat } from "../../../scripts/toolchain/wasm-tools.ts";
import { compileWat, thrown } from "./support.ts";

const component = `(component
  (import "demo:log/log@0.2.3" (instance $log
    (export "write-line" (func (param "level" u8)))
    (export "flush" (func))))
  (import "now-ms" (func $now (result u32)))
  (core func $write' (canon lower (func $log "write-line")))
  (core func $flush' (canon lower (func $log "flush")))
  (core func $now' (canon lower (func $now)))
  (core module $M (import "h" "write" (func $write (param i32))) (import "h" "now" (func $now (result i32))) (import "h" "flush" (func))
    (func (export "run") (result i32) (call $write (i32.const 3)) (call $now)))
  (core instance $m (instantiate $M (with "h" (instance
    (export "write" (func $write')) (export "now" (func $now')) (export "flush" (func $flush'))))))
  (func (export "run") (result u32) (canon lift (core func $m "run"))))`;

const log = { writeLine: (): void => {}, flush: (): void => {} };
const nowMs = (): number => 5;

describe("imports are found", () => {
  test.each([
    ["by interface id", { "demo:log/log@0.2.3": log, nowMs }],
    ["by id without version", { "demo:log/log": log, nowMs }],
    ["by a compatible version", { "demo:log/log@0.2.9": log, nowMs }],
    [
      "by their WIT names",
      { "demo:log/log@0.2.3": { "write-line": log.writeLine, flush: log.flush }, "now-ms": nowMs },
    ],
    ["in jco's form of a default export", { "demo:log/log@0.2.3": log, nowMs: { default: nowMs } }],
  ])("%s", async (_, imports) => {
    expect((await compileWat(component)).instantiateSync(imports).exports.run()).toBe(5);
  });

  test("with the highest compatible version among several", async () => {
    const calls: string[] = [];
    const from = (name: string): object => ({ ...log, writeLine: () => calls.push(name) });
    const imports = {
      "demo:log/log@0.2.4": from("0.2.4"),
      "demo:log/log@0.2.10": from("0.2.10"),
      "demo:log/log@0.3.0": from("0.3.0"),
      nowMs,
    };
    (await compileWat(component)).instantiateSync(imports).exports.run();
    expect(calls).toEqual(["0.2.10"]);
  });

  test("as methods that keep their this", async () => {
    class Log {
      lines = 0;
      writeLine(): void {
        this.lines++;
      }
      flush(): void {}
    }
    const object = new Log();
    (await compileWat(component)).instantiateSync({ "demo:log/log": object, nowMs }).exports.run();
    expect(object.lines).toBe(1);
  });
});

/** Names whose JavaScript spelling every object inherits. */
const inherited = ["to-string", "value-of", "has-own-property", "is-prototype-of", "to-locale-string", "constructor"];

describe("imports that are not met", () => {
  test.each(inherited)("%s is not met by what every object inherits", async (name) => {
    const text = `(component
      (import "${name}" (func)) (import "demo:a/b" (instance (export "${name}" (func)))))`;
    const wanted = [name, `demo:a/b#${name}`];
    const compiled = await compileWat(text);
    for (const given of [{ "demo:a/b": {} }, Object.create({ [name]: () => 1 }, { "demo:a/b": { value: {} } })]) {
      expect(compiled.missing(given as object).map((issue) => issue.import)).toEqual(wanted);
      const error = thrown(() => compiled.instantiateSync(given as object)) as LinkError;
      expect(error.issues.map((issue) => issue.import)).toEqual(wanted);
    }
    const loaded = await createHost()
      .load(await parseWat(text), { name: "m", imports: { "demo:a/b": {} } })
      .catch((error: unknown) => error);
    expect(loaded).toBeInstanceOf(LinkError);
    expect((loaded as LinkError).issues.map((issue) => issue.import).sort()).toEqual([...wanted].sort());
    const camel = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const own = { [camel]: () => undefined };
    expect(compiled.missing({ ...own, "demo:a/b": own })).toEqual([]);
  });

  test("are reported all at once, before anything runs", async () => {
    const compiled = await compileWat(component);
    const error = thrown(() =>
      compiled.instantiateSync({ "demo:log/log@0.2.3": { writeLine: "no", flsh: () => undefined } }),
    ) as LinkError;
    expect(error).toBeInstanceOf(LinkError);
    expect(error.issues.map((issue) => [issue.import, issue.problem, issue.nearest])).toEqual([
      ["demo:log/log@0.2.3#write-line", "mismatch", "writeLine"],
      ["demo:log/log@0.2.3#flush", "missing", "flsh"],
      ["now-ms", "missing", undefined],
    ]);
    for (const issue of error.issues) expect(error.message).toContain(issue.import);
    expect(compiled.missing({})).toHaveLength(2);
    expect(compiled.missing({ "demo:log/log": log, nowMs: () => 1 })).toEqual([]);
  });

  test("name the nearest version and why it does not fit", async () => {
    const [issue] = (await compileWat(component)).missing({ "demo:log/log@0.3.0": log, nowMs: () => 1 });
    expect(issue).toMatchObject({ problem: "missing", nearest: "demo:log/log@0.3.0" });
    expect(issue!.reason).toContain("0.3.0 is not compatible with 0.2.3");
  });
});
