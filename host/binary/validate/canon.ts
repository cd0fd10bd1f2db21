/**
 * Canonical definitions: the options each may and must have, and the types of the functions they define.
 *
 * Follows design/mvp/CanonicalABI.md, "canonopt Validation" and the sections of the canonical built-ins.
 */
import { resourceOf } from "../../model/cases.ts";
import { holdsBorrow, holdsList } from "../../model/facts.ts";
import { type CoreSignature, flatten, flattenFunc } from "../../model/flatten.ts";
import { MAX_FLAT_ASYNC_PARAMS, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS } from "../../model/layout.ts";
import { lacks } from "../../model/lacks.ts";
import type { AsyncValueType, FuncType, ValueType } from "../../model/types.ts";
import type { CanonDefinition, CanonImmediates, CanonOptions } from "../definition.ts";
import type { Context } from "./context.ts";
import type { CoreSpaces } from "./core.ts";
import type { Scope } from "./scope.ts";

type OptionName = "memory" | "realloc" | "post-return" | "async" | "callback";

/** Validates the canonical definitions of one component. */
export class CanonValidator {
  private readonly scope: Scope;
  private readonly core: CoreSpaces;
  /** What each `task.return` returns. */
  readonly results: (ValueType | undefined)[] = [];

  constructor(scope: Scope, core: CoreSpaces) {
    this.scope = scope;
    this.core = core;
  }

  define(canon: CanonDefinition): void {
    const { scope, core } = this;
    switch (canon.op) {
      case "lift":
        this.lift(canon);
        return;
      case "lower":
        this.lower(canon);
        return;
      case "resource.drop":
        scope.resource(canon.type);
        core.funcs.push(signature(["i32"], []));
        return;
      case "resource.new":
      case "resource.rep":
        if (!scope.local.has(resourceOf(scope.resource(canon.type)))) {
          scope.context.fail(
            `Type ${canon.type} is not a local resource: ${canon.op} needs one defined in this component`,
          );
        }
        core.funcs.push(signature(["i32"], ["i32"]));
        return;
      case "other":
        core.funcs.push(this.builtin(canon.name, canon.immediates));
        return;
    }
  }

  private lift(canon: Extract<CanonDefinition, { op: "lift" }>): void {
    const context: Context = this.scope.context;
    const { options } = canon;
    const type = context.item(this.scope.types, canon.type, "type");
    if (type.kind !== "func") context.fail(`Type ${canon.type} is not a function type`);
    const callee = context.item(this.core.funcs, canon.func, "core function");
    context.spend(type.params.length);
    this.checkOptions(options, ["memory", "realloc", "post-return", "async", "callback"]);
    this.checkAsync(options, type);
    const params = type.params.map((param) => param.type);
    const results = resultTypes(type);
    if (takesMemory(params) || flatten(params, MAX_FLAT_PARAMS) === undefined) {
      this.require(options, "memory");
      this.require(options, "realloc");
    }
    const most = options.async ? MAX_FLAT_PARAMS : MAX_FLAT_RESULTS;
    if (takesMemory(results) || flatten(results, most) === undefined) {
      this.require(options, "memory");
    }
    const expected = flattenFunc(type, "lift", { async: options.async, callback: options.callback !== undefined });
    for (const part of ["params", "results"] as const) {
      if (!same(callee[part], expected[part])) {
        const word = part === "params" ? "parameter" : "result";
        context.fail(
          `The ${word} types [${callee[part].join(" ")}] of the lifted function should be [${expected[part].join(" ")}]`,
        );
      }
    }
    if (options.postReturn !== undefined) {
      this.checkSignature(options.postReturn, "post-return", expected.results, []);
    }
    this.scope.funcs.push(type);
  }

  private lower(canon: Extract<CanonDefinition, { op: "lower" }>): void {
    const { options } = canon;
    const type = this.scope.context.item(this.scope.funcs, canon.func, "function");
    this.scope.context.spend(type.params.length);
    this.checkOptions(options, ["memory", "realloc", "async"]);
    this.checkAsync(options, type);
    const params = type.params.map((param) => param.type);
    const results = resultTypes(type);
    const most = options.async ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS;
    if (
      takesMemory(params) ||
      flatten(params, most) === undefined ||
      flatten(results, options.async ? 0 : MAX_FLAT_RESULTS) === undefined
    ) {
      this.require(options, "memory");
    }
    if (takesMemory(results)) {
      this.require(options, "memory");
      this.require(options, "realloc");
    }
    this.core.funcs.push(flattenFunc(type, "lower", { async: options.async, callback: false }));
  }

  private checkAsync(options: CanonOptions, type: FuncType): void {
    if (options.async && !type.async) {
      this.scope.context.fail("The `async` canonical option requires an async function type");
    }
  }

  /** The rules of options that hold wherever they stand; `allowed` is what this definition may have. */
  private checkOptions(options: CanonOptions, allowed: readonly OptionName[]): void {
    const context: Context = this.scope.context;
    const given: Record<OptionName, boolean> = {
      memory: options.memory !== undefined,
      realloc: options.realloc !== undefined,
      "post-return": options.postReturn !== undefined,
      async: options.async,
      callback: options.callback !== undefined,
    };
    for (const name of Object.keys(given) as OptionName[]) {
      if (given[name] && !allowed.includes(name))
        context.fail(`The canonical option \`${name}\` cannot be specified here`);
    }
    if (options.memory !== undefined) this.checkMemory(options.memory);
    if (options.realloc !== undefined) {
      if (!given.memory) context.fail("The canonical option `realloc` requires `memory` to be specified also");
      this.checkSignature(options.realloc, "realloc", ["i32", "i32", "i32", "i32"], ["i32"]);
    }
    if (given["post-return"] && given.async) {
      context.fail("The canonical option `post-return` cannot be specified together with `async`");
    }
    if (options.callback !== undefined) {
      if (!given.async) context.fail("The canonical option `callback` cannot be specified without `async`");
      this.checkSignature(options.callback, "callback", ["i32", "i32", "i32"], ["i32"]);
    }
  }

  private checkMemory(index: number): void {
    const context: Context = this.scope.context;
    const { limits } = context.item(this.core.memories, index, "core memory");
    if (limits.index === "i64") throw lacks("memory64");
    if (limits.shared) context.fail("The canonical option `memory` cannot be a shared memory");
  }

  private checkSignature(
    index: number,
    option: OptionName,
    params: readonly string[],
    results: readonly string[],
  ): void {
    const context: Context = this.scope.context;
    const func = context.item(this.core.funcs, index, "core function");
    if (!same(func.params, params) || !same(func.results, results)) {
      context.fail(
        `The canonical option \`${option}\` uses a core function with an incorrect signature: ` +
          `expected [${params.join(" ")}] -> [${results.join(" ")}], got [${func.params.join(" ")}] -> [${func.results.join(" ")}]`,
      );
    }
  }

  private require(options: CanonOptions, name: "memory" | "realloc"): void {
    if (options[name] === undefined) this.scope.context.fail(`The canonical option \`${name}\` is required`);
  }

  /** The type of a built-in that is neither lift, lower nor about resources. */
  private builtin(name: string, immediates: CanonImmediates): CoreSignature {
    const fixed = fixedSignatures.get(name);
    if (fixed !== undefined) return fixed;
    const dot = name.indexOf(".");
    const family = name.slice(0, dot);
    if (family === "stream" || family === "future") return this.channel(family, name.slice(dot + 1), immediates);
    switch (name) {
      case "task.return":
        return this.taskReturn(immediates);
      case "context.get":
      case "context.set":
        return this.contextSlot(name, immediates);
      case "waitable-set.wait":
      case "waitable-set.poll":
        this.checkMemory(immediates.memory!);
        return signature(["i32", "i32"], ["i32"]);
      case "error-context.new":
        this.checkOptions(immediates.options!, ["memory", "realloc"]);
        this.require(immediates.options!, "memory");
        return signature(["i32", "i32"], ["i32"]);
      case "error-context.debug-message":
        this.checkOptions(immediates.options!, ["memory", "realloc"]);
        this.require(immediates.options!, "memory");
        this.require(immediates.options!, "realloc");
        return signature(["i32", "i32"], []);
      case "thread.new-indirect":
        return this.newThread(immediates);
      default:
        throw lacks("threads", `uses ${name}`);
    }
  }

  private channel(family: "stream" | "future", operation: string, immediates: CanonImmediates): CoreSignature {
    const context: Context = this.scope.context;
    const type = context.item(this.scope.types, immediates.type!, "type");
    if (type.kind !== family) context.fail(`Type ${immediates.type} is not a ${family} type`);
    switch (operation) {
      case "new":
        return signature([], ["i64"]);
      case "read":
      case "write":
        this.checkChannelOptions(immediates.options!, operation, type);
        return signature(family === "stream" ? ["i32", "i32", "i32"] : ["i32", "i32"], ["i32"]);
      case "cancel-read":
      case "cancel-write":
        return signature(["i32"], ["i32"]);
      default:
        return signature(["i32"], []);
    }
  }

  private checkChannelOptions(options: CanonOptions, operation: "read" | "write", type: AsyncValueType): void {
    const element = type.type;
    this.checkOptions(options, ["memory", "realloc", "async"]);
    if (element === undefined) return;
    this.require(options, "memory");
    if (operation === "read" && holdsList(element)) this.require(options, "realloc");
  }

  private taskReturn(immediates: CanonImmediates): CoreSignature {
    const options = immediates.options!;
    const result = this.scope.optional(immediates.result);
    this.results.push(result);
    const context: Context = this.scope.context;
    if (holdsBorrow(result)) context.fail("A function result cannot contain a `borrow` type");
    this.checkOptions(options, ["memory"]);
    const flat = result === undefined ? [] : flatten([result], MAX_FLAT_PARAMS);
    if (flat === undefined || holdsList(result)) this.require(options, "memory");
    return signature(flat ?? ["i32"], []);
  }

  private contextSlot(name: "context.get" | "context.set", immediates: CanonImmediates): CoreSignature {
    const context: Context = this.scope.context;
    if (immediates.coreType !== "i32")
      context.fail(`The type of a context slot must be i32, got ${immediates.coreType}`);
    if (immediates.index! > 1) context.fail(`A context slot must be 0 or 1, got ${immediates.index}`);
    return name === "context.get" ? signature([], ["i32"]) : signature(["i32"], []);
  }

  private newThread(immediates: CanonImmediates): CoreSignature {
    const context: Context = this.scope.context;
    const index = immediates.coreType as number;
    const type = context.item(this.scope.coreTypes, index, "core type");
    if (type.kind !== "core-func" || !same(type.params, ["i32"]) || type.results.length > 0) {
      context.fail(`Core type ${index} should be the start of a thread, [i32] -> []`);
    }
    const table = context.item(this.core.tables, immediates.table!, "core table");
    if (table.element !== "(ref null func)") context.fail("The table of a new thread must hold functions");
    return signature(["i32", "i32"], ["i32"]);
  }
}

/** The built-ins whose type depends on no immediate. */
const fixedSignatures: ReadonlyMap<string, CoreSignature> = new Map([
  ["backpressure.inc", signature([], [])],
  ["backpressure.dec", signature([], [])],
  ["task.cancel", signature([], [])],
  ["subtask.cancel", signature(["i32"], ["i32"])],
  ["subtask.drop", signature(["i32"], [])],
  ["waitable-set.new", signature([], ["i32"])],
  ["waitable-set.drop", signature(["i32"], [])],
  ["waitable.join", signature(["i32", "i32"], [])],
  ["error-context.drop", signature(["i32"], [])],
  ["thread.index", signature([], ["i32"])],
  ["thread.resume-later", signature(["i32"], [])],
  ["thread.suspend", signature([], ["i32"])],
  ["thread.yield", signature([], ["i32"])],
  ["thread.suspend-then-resume", signature(["i32"], ["i32"])],
  ["thread.yield-then-resume", signature(["i32"], ["i32"])],
  ["thread.suspend-then-promote", signature(["i32"], ["i32"])],
  ["thread.yield-then-promote", signature(["i32"], ["i32"])],
]);

function signature(params: readonly string[], results: readonly string[]): CoreSignature {
  return { kind: "core-func", params, results };
}

function resultTypes(type: FuncType): readonly ValueType[] {
  return type.result === undefined ? [] : [type.result];
}

function takesMemory(types: readonly ValueType[]): boolean {
  return types.some((type) => holdsList(type));
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((type, place) => type === b[place]);
}
