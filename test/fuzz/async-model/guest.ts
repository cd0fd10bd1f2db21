/**
 * The interpreter guest: a component whose tasks do nothing but what the host tells them, word by word, and tell the host
 * what each operation gave.
 *
 * Owns its text. Two instances of it stand inside one component: `main`, which the host calls, and `leaf`, which the host and
 * `main` call. Every export takes the number of the task it starts.
 */
import { isBlocking, isCopying, operations, tells, type Element, type OperationName } from "./ops.ts";

export interface GuestOptions {
  readonly element: Element;
  /** With the operations that may block a task where it stands, and exports that are lifted without a callback. */
  readonly blocking: boolean;
  /** With streams and futures. */
  readonly streams: boolean;
}

/** Memory: where events are written, where results of calls are, where the buffers of streams are. */
export const layout = { event: 16, results: 512, buffers: 1024, end: 8192, size: 65_536 } as const;

/** How an export runs. */
export type Lifting = "callback" | "synchronous" | "stackful";

export interface GuestExport {
  readonly name: string;
  readonly lifting: Lifting;
  /** What it takes beside its number. */
  readonly takes: "nothing" | "stream" | "future";
  readonly gives: "u32" | "stream";
}

export function exportsOf({ blocking, streams }: GuestOptions): readonly GuestExport[] {
  return [
    { name: "plain", lifting: "callback", takes: "nothing", gives: "u32" },
    ...(streams
      ? ([
          { name: "with-stream", lifting: "callback", takes: "stream", gives: "u32" },
          { name: "with-future", lifting: "callback", takes: "future", gives: "u32" },
          { name: "for-stream", lifting: "callback", takes: "nothing", gives: "stream" },
        ] as const)
      : []),
    ...(blocking
      ? ([
          { name: "synchronous", lifting: "synchronous", takes: "nothing", gives: "u32" },
          { name: "stackful", lifting: "stackful", takes: "nothing", gives: "u32" },
        ] as const)
      : []),
  ];
}

interface BuiltIn {
  /** Core parameters and result, such as `ii>i`: i for i32, l for i64. */
  readonly core: string;
  /** The canonical definition, without its function. */
  readonly canon: string;
  /** The operands that the operation hands to it, such as `a b`; what it gives goes to the answer. */
  readonly call: string;
}

const memory = '(memory (core memory $memory "mem"))';

function copies(kind: "stream" | "future", sync: boolean): readonly (readonly [OperationName, BuiltIn])[] {
  const prefix = sync ? "sync " : "";
  const option = sync ? "" : "async";
  const type = kind === "stream" ? "$Stream" : "$Future";
  const length = kind === "stream";
  return [
    ...(["read", "write"] as const).map((way): readonly [OperationName, BuiltIn] => [
      `${prefix}${kind}.${way}` as OperationName,
      {
        core: length ? "iii>i" : "ii>i",
        canon: `${kind}.${way} ${type} ${option} ${memory}`,
        call: length ? "a b c" : "a b",
      },
    ]),
    ...(["cancel-read", "cancel-write"] as const).map((way): readonly [OperationName, BuiltIn] => [
      `${prefix}${kind}.${way}` as OperationName,
      { core: "i>i", canon: `${kind}.${way} ${type} ${option}`, call: "a" },
    ]),
  ];
}

function builtIns(options: GuestOptions, calls: boolean): ReadonlyMap<OperationName, BuiltIn> {
  const { blocking, streams } = options;
  const ends = (kind: "stream" | "future", type: string): readonly (readonly [OperationName, BuiltIn])[] => [
    [`${kind}.new`, { core: ">l", canon: `${kind}.new ${type}`, call: "" }],
    ...copies(kind, false),
    [`${kind}.drop-readable`, { core: "i>", canon: `${kind}.drop-readable ${type}`, call: "a" }],
    [`${kind}.drop-writable`, { core: "i>", canon: `${kind}.drop-writable ${type}`, call: "a" }],
  ];
  const lowered = (func: string, sync = false): string => `lower ${func} ${sync ? "" : `async ${memory}`}`;
  const all: readonly (readonly [OperationName, BuiltIn])[] = [
    ["task.return", { core: "i>", canon: `task.return (result u32) ${memory}`, call: "a" }],
    ["task.return-stream", { core: "i>", canon: `task.return (result $Stream) ${memory}`, call: "a" }],
    ["task.cancel", { core: ">", canon: "task.cancel", call: "" }],
    ["backpressure.inc", { core: ">", canon: "backpressure.inc", call: "" }],
    ["backpressure.dec", { core: ">", canon: "backpressure.dec", call: "" }],
    ["set.new", { core: ">i", canon: "waitable-set.new", call: "" }],
    ["set.poll", { core: "ii>i", canon: `waitable-set.poll ${memory}`, call: `a ${layout.event}` }],
    ["set.drop", { core: "i>", canon: "waitable-set.drop", call: "a" }],
    ["join", { core: "ii>", canon: "waitable.join", call: "a b" }],
    ["subtask.drop", { core: "i>", canon: "subtask.drop", call: "a" }],
    ["subtask.cancel", { core: "i>i", canon: "subtask.cancel async", call: "a" }],
    ["call-host", { core: "ii>i", canon: lowered('(func $host "call")'), call: "a b" }],
    ...ends("stream", "$Stream"),
    ...ends("future", "$Future"),
    ...(calls
      ? ([
          ["call-plain", { core: "ii>i", canon: lowered('(func $leaf "plain")'), call: "a b" }],
          ["call-with-stream", { core: "iii>i", canon: lowered('(func $leaf "with-stream")'), call: "a c b" }],
          ["call-with-future", { core: "iii>i", canon: lowered('(func $leaf "with-future")'), call: "a c b" }],
          ["call-for-stream", { core: "ii>i", canon: lowered('(func $leaf "for-stream")'), call: "a b" }],
        ] as const)
      : []),
    ...(blocking
      ? ([
          ["set.wait", { core: "ii>i", canon: `waitable-set.wait ${memory}`, call: `a ${layout.event}` }],
          ["thread.yield", { core: ">i", canon: "thread.yield", call: "" }],
          ["sync subtask.cancel", { core: "i>i", canon: "subtask.cancel", call: "a" }],
          ["sync call-host", { core: "i>i", canon: lowered('(func $host "call")', true), call: "a" }],
          ...copies("stream", true),
          ...copies("future", true),
        ] as const)
      : []),
    ...(blocking && calls
      ? ([["sync call-plain", { core: "i>i", canon: lowered('(func $leaf "plain")', true), call: "a" }]] as const)
      : []),
  ];
  return new Map(all.filter(([name]) => streams || !isCopying(name)));
}

const coreTypes = (letters: string): string => [...letters].map((letter) => (letter === "i" ? "i32" : "i64")).join(" ");

function importOf(name: string, core: string): string {
  const [params = "", results = ""] = core.split(">");
  return `(import "" "${name}" (func $${name.replace(" ", "-")} (param ${coreTypes(params)}) (result ${coreTypes(results)})))`;
}

/** What the interpreter does for a word; it ends with the answer in $x, $y and $z. */
function armOf(name: OperationName, builtIn: BuiltIn | undefined): string {
  switch (name) {
    // A callback's code, or what a function without one gives.
    case "exit":
    case "end-with-code":
      return "(return (local.get $a))";
    case "until-event":
      return "(return (i32.or (i32.const 2) (i32.shl (local.get $a) (i32.const 4))))";
    case "until-others-ran":
      return "(return (i32.const 1))";
    case "fill":
      return `(loop $next (if (local.get $b) (then
        (i32.store8 (local.get $a) (local.get $c))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.sub (local.get $b) (i32.const 1)))
        (local.set $c (i32.add (i32.mul (local.get $c) (i32.const 5)) (i32.const 1)))
        (br $next))))`;
    case "sum":
      return `(loop $next (if (local.get $b) (then
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 31)) (i32.load8_u (local.get $a))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.sub (local.get $b) (i32.const 1)))
        (br $next))))`;
    case "load":
      return "(local.set $x (i32.load (local.get $a)))";
    default: {
      if (builtIn === undefined) return "unreachable";
      const operands = builtIn.call
        .split(" ")
        .filter((item) => item !== "")
        .map((item) => (/^\d/.test(item) ? `(i32.const ${item})` : `(local.get $${item})`));
      const call = `(call $${name.replace(" ", "-")} ${operands.join(" ")})`;
      if (builtIn.core.endsWith(">l")) {
        return `(local.set $w ${call}) (local.set $x (i32.wrap_i64 (local.get $w)))
          (local.set $y (i32.wrap_i64 (i64.shr_u (local.get $w) (i64.const 32))))`;
      }
      if (builtIn.core.endsWith(">")) return call;
      if (name !== "set.poll" && name !== "set.wait") return `(local.set $x ${call})`;
      return `(local.set $x ${call}) (local.set $y (i32.load (i32.const ${layout.event})))
        (local.set $z (i32.load (i32.const ${layout.event + 4})))`;
    }
  }
}

function coreModule(options: GuestOptions, calls: boolean): string {
  const known = builtIns(options, calls);
  const arms = operations
    .filter((name) => (options.blocking || !isBlocking(name)) && (options.streams || !isCopying(name)))
    .map(
      (name) =>
        `(if (i32.eq (local.get $op) (i32.const ${operations.indexOf(name)})) (then ${armOf(name, known.get(name))} (br $done)))`,
    );
  const start = (more: string): string =>
    `(call $context.set (local.get $id)) (call $tell (local.get $id) (i32.const ${tells.start}) ${more} (i32.const 0) (i32.const 0))`;
  return `
    (import "" "mem" (memory 1))
    (import "" "next" (func $next (param i32) (result i64)))
    (import "" "tell" (func $tell (param i32 i32 i32 i32 i32)))
    (import "" "context.get" (func $context.get (result i32)))
    (import "" "context.set" (func $context.set (param i32)))
    ${[...known].map(([name, { core }]) => importOf(name, core)).join("\n    ")}
    (func $interpret (param $id i32) (result i32)
      (local $w i64) (local $op i32) (local $a i32) (local $b i32) (local $c i32) (local $x i32) (local $y i32) (local $z i32)
      (loop $again
        (local.set $w (call $next (local.get $id)))
        (local.set $op (i32.wrap_i64 (i64.and (local.get $w) (i64.const 0xff))))
        (local.set $a (i32.wrap_i64 (i64.and (i64.shr_u (local.get $w) (i64.const 8)) (i64.const 0xffff))))
        (local.set $b (i32.wrap_i64 (i64.and (i64.shr_u (local.get $w) (i64.const 24)) (i64.const 0xffff))))
        (local.set $c (i32.wrap_i64 (i64.and (i64.shr_u (local.get $w) (i64.const 40)) (i64.const 0xffff))))
        (local.set $x (i32.const 0)) (local.set $y (i32.const 0)) (local.set $z (i32.const 0))
        (block $done
          ${arms.join("\n          ")}
          unreachable)
        (call $tell (local.get $id) (i32.const ${tells.answer}) (local.get $x) (local.get $y) (local.get $z))
        (br $again))
      unreachable)
    (func (export "start") (param $id i32) (result i32) ${start("(i32.const 0)")} (call $interpret (local.get $id)))
    (func (export "start-with") (param $id i32) (param $end i32) (result i32)
      ${start("(local.get $end)")} (call $interpret (local.get $id)))
    (func (export "start-stackful") (param $id i32) ${start("(i32.const 0)")} (drop (call $interpret (local.get $id))))
    (func (export "callback") (param $event i32) (param $p1 i32) (param $p2 i32) (result i32)
      (local $id i32)
      (local.set $id (call $context.get))
      (call $tell (local.get $id) (i32.const ${tells.event}) (local.get $event) (local.get $p1) (local.get $p2))
      (call $interpret (local.get $id)))`;
}

const hostType = `
    (export "next" (func (param "task" u32) (result u64)))
    (export "tell" (func (param "task" u32) (param "what" u32) (param "x" u32) (param "y" u32) (param "z" u32)))
    (export "call" (func async (param "id" u32) (result u32)))`;

function typesOf({ element, streams }: GuestOptions): string {
  if (!streams) return "";
  return `(type $Stream (stream${element === "none" ? "" : ` ${element}`})) (type $Future (future u8))`;
}

function paramsOf({ takes, gives }: GuestExport): string {
  const taken = { nothing: "", stream: '(param "end" $Stream)', future: '(param "end" $Future)' }[takes];
  return `(param "id" u32) ${taken} (result ${gives === "stream" ? "$Stream" : "u32"})`;
}

function componentText(name: string, options: GuestOptions, calls: boolean): string {
  const known = [...builtIns(options, calls)];
  const leaf = exportsOf(options)
    .map((item) => `(export "${item.name}" (func async ${paramsOf(item)}))`)
    .join(" ");
  const lifts = exportsOf(options).map((item) => {
    const [start, how] = {
      callback: [item.takes === "nothing" ? "start" : "start-with", `async (callback (core func $core "callback"))`],
      synchronous: ["start", ""],
      stackful: ["start-stackful", "async"],
    }[item.lifting];
    return `(func (export "${item.name}") async ${paramsOf(item)} (canon lift (core func $core "${start}") ${how} ${memory}))`;
  });
  return `(component $${name}
    ${typesOf(options)}
    (import "host" (instance $host ${hostType}))
    ${calls ? `(import "leaf" (instance $leaf ${leaf}))` : ""}
    (core module $Memory (memory (export "mem") 1))
    (core instance $memory (instantiate $Memory))
    (core module $Core ${coreModule(options, calls)})
    (canon lower (func $host "next") (core func $next))
    (canon lower (func $host "tell") (core func $tell))
    (canon context.get i32 0 (core func $context.get))
    (canon context.set i32 0 (core func $context.set))
    ${known.map(([item, { canon }]) => `(canon ${canon} (core func $${item.replace(" ", "-")}))`).join("\n    ")}
    (core instance $core (instantiate $Core (with "" (instance
      (export "mem" (memory $memory "mem"))
      (export "next" (func $next)) (export "tell" (func $tell))
      (export "context.get" (func $context.get)) (export "context.set" (func $context.set))
      ${known.map(([item]) => `(export "${item}" (func $${item.replace(" ", "-")}))`).join("\n      ")}
    ))))
    ${lifts.join("\n    ")})`;
}

/** The component's text. It imports an instance `host` and exports `main-…` and `leaf-…` for each of {@link exportsOf}. */
export function guestText(options: GuestOptions): string {
  const outside = exportsOf(options).flatMap(({ name }) =>
    ["main", "leaf"].map((of) => `(func (export "${of}-${name}") (alias export $${of} "${name}"))`),
  );
  return `(component
  (import "host" (instance $host ${hostType}))
  ${componentText("Leaf", options, false)}
  ${componentText("Main", options, true)}
  (instance $leaf (instantiate $Leaf (with "host" (instance $host))))
  (instance $main (instantiate $Main (with "host" (instance $host)) (with "leaf" (instance $leaf))))
  ${outside.join("\n  ")})`;
}
