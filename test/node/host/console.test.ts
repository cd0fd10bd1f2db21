/** The console of modules: who meets it, where its texts go, and what a guest cannot do with them. */
import { afterEach, expect, test, vi } from "vitest";
import type { ConsoleLevel, HostEvents } from "../../../host/node/index.ts";
import { LinkError } from "../../../host/errors.ts";
import { component } from "./fixtures.ts";
import { type Any, caught, host, sleep } from "./support.ts";

const levels = ["debug", "log", "info", "warn", "error"] as const;

/** A component whose `say` writes one text at a level, a number of times; with its own exports besides. */
function talker(text: string, more = ""): Promise<Uint8Array<ArrayBuffer>> {
  const data = [...new TextEncoder().encode(text)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  return component(`(component
    (import "tenon:module/console@0.1.0" (instance $c
      (type $l (enum ${levels.map((level) => `"${level}"`).join(" ")})) (export "level" (type $level (eq $l)))
      (export "write" (func (param "level" $level) (param "text" string)))
      (export "time" (func (param "label" string))) (export "time-end" (func (param "label" string)))))
    (core module $Mem (memory (export "memory") 1) (data (i32.const 0) "${data}"))
    (core instance $mem (instantiate $Mem))
    (alias core export $mem "memory" (core memory $memory))
    (core func $write (canon lower (func $c "write") (memory $memory)))
    (core func $time (canon lower (func $c "time") (memory $memory)))
    (core func $end (canon lower (func $c "time-end") (memory $memory)))
    (core module $M
      (import "h" "write" (func $write (param i32 i32 i32)))
      (import "h" "time" (func $time (param i32 i32))) (import "h" "end" (func $end (param i32 i32)))
      (func (export "say") (param i32 i32)
        (loop $next
          (call $write (local.get 0) (i32.const 0) (i32.const ${new TextEncoder().encode(text).length}))
          (br_if $next (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))))
      (func (export "measure") (call $end (i32.const 0) (i32.const 1)) (call $time (i32.const 0) (i32.const 1)) (call $end (i32.const 0) (i32.const 1))))
    (core instance $m (instantiate $M (with "h" (instance
      (export "write" (func $write)) (export "time" (func $time)) (export "end" (func $end))))))
    (func (export "say") (param "level" u32) (param "times" u32) (canon lift (core func $m "say")))
    (func (export "measure") (canon lift (core func $m "measure")))
    ${more})`);
}

type Said = HostEvents["console"];

function printed(): [level: ConsoleLevel, text: string][] {
  const all: [ConsoleLevel, string][] = [];
  for (const level of levels) {
    vi.spyOn(console, level).mockImplementation((text: unknown) => void all.push([level, String(text)]));
  }
  return all;
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("console of a module is the program's own, each line with the module's name", async () => {
  const lines = printed();
  const module: Any = await host().load(await talker("one\ntwo\n"), { name: "greeter" });
  levels.forEach((_, level) => module.exports.say(level, 1));
  expect(lines).toEqual(levels.map((level) => [level, "[greeter] one\n[greeter] two"]));
  expect(module.info().imports).toEqual([{ name: "tenon:module/console@0.1.0", from: "host" }]);
});

test("on: the event console takes the texts in place of the program's console", async () => {
  const lines = printed();
  const here = host();
  const said: Said[] = [];
  const stop = here.on("console", (text) => said.push(text));
  const module: Any = await here.load(await talker("hi"), { name: "greeter" });
  module.exports.say(3, 2);
  expect(said).toEqual([1, 2].map(() => ({ module: "greeter", level: "warn", text: "hi" })));
  expect(lines).toEqual([]);
  stop();
  module.exports.say(0, 1);
  expect(lines).toEqual([["debug", "[greeter] hi"]]);
});

test("console that is given is the one, with and without version; so is that of the module that link names", async () => {
  const lines = printed();
  const here = host();
  const write = vi.fn();
  const given = { write, time: () => undefined, timeEnd: () => undefined };
  const bytes = await talker("hi");
  for (const id of ["tenon:module/console", "tenon:module/console@0.1.0"]) {
    const module: Any = await here.load(bytes, { imports: { [id]: given }, name: id });
    module.exports.say(1, 1);
  }
  expect(write.mock.calls).toEqual([
    ["log", "hi"],
    ["log", "hi"],
  ]);
  const error = await caught(here.load(bytes, { name: "linked", link: { "tenon:module/console": "nobody" } }));
  expect(error).toBeInstanceOf(LinkError);
  // Without modules to link to, the host is there all the same, and nothing is missing.
  const alone: Any = await here.load(bytes, { name: "alone", link: false });
  alone.exports.say(1, 1);
  expect(await here.missing(bytes, { name: "other" })).toEqual([]);
  expect(lines).toEqual([["log", "[alone] hi"]]);
});

test("console is no part of the world that a program demands", async () => {
  printed();
  const world = { imports: [], exports: [] };
  const module: Any = await host().load(await talker("hi"), { name: "greeter", world });
  expect(module.state).toBe("live");
});

test("console cannot move the cursor, turn text around or speak as another module", async () => {
  const lines = printed();
  const module: Any = await host().load(await talker("\u001b[2J\r\u202e\u0007\n[admin] all is well"), {
    name: "m\u001b",
  });
  module.exports.say(1, 1);
  expect(lines).toEqual([["log", "[m\\u{1b}] \\u{1b}[2J\\u{d}\\u{202e}\\u{7}\n[m\\u{1b}] [admin] all is well"]]);
});

test("console of a guest that floods it is bounded in a turn of the event loop, and says what is missing", async () => {
  const here = host();
  const said: Said[] = [];
  here.on("console", (text) => said.push(text));
  const quick: Any = await here.load(await talker("x"), { name: "many" });
  quick.exports.say(1, 50_000);
  expect(said).toHaveLength(1_000);
  await sleep(20);
  expect(said[1_000]).toEqual({
    module: "many",
    level: "warn",
    text: "49000 more texts were said at once and are not shown",
  });
  quick.exports.say(1, 1);
  expect(said).toHaveLength(1_002);
  said.length = 0;
  const long: Any = await here.load(await talker("y".repeat(60_000)), { name: "long" });
  long.exports.say(1, 100);
  expect(said.length).toBe(16);
  await sleep(20);
  expect(said.at(-1)!.text).toContain("84 more texts");
});

test("console.time measures, and says what it cannot", async () => {
  const here = host();
  const said: Said[] = [];
  here.on("console", (text) => said.push(text));
  const module: Any = await here.load(await talker("t"), { name: "timer" });
  module.exports.measure();
  expect(said.map(({ level, text }) => [level, text.replace(/\d+\.\d+/, "N")])).toEqual([
    ["warn", "Nothing is measured under the label t"],
    ["log", "t: N ms"],
  ]);
});
