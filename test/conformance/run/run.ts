/**
 * Runs a component test script against the host and says for each directive whether it held.
 *
 * Owns the script's state (definitions, instances, registered names) and the meaning of every directive. Reading the
 * script is `directives.ts`; which failures are known is `expected.ts`.
 */
import {
  ComponentError,
  DecodeError,
  LinkError,
  TrapError,
  UnloadedError,
  UnsupportedError,
} from "../../../host/errors.ts";
import type { FuncType, ValueType } from "../../../host/model/types.ts";
import type { Component, Instance } from "../../../host/runtime/types.ts";
import { readDirectives, type Directive, type Invoke, type ModuleSource } from "./directives.ts";
import { compile, parseText, TextRefused, trapIfStuck } from "./host.ts";
import { jsName } from "./names.ts";
import { refusalFor } from "./refusals.ts";
import { findOutdated, type Outdated } from "./outdated.ts";
import { isSettled, nextTurn, settled } from "./turns.ts";
import { trapFor } from "./traps.ts";
import { agrees, describe, toJs, type WastValue } from "./values.ts";

export interface Outcome {
  readonly line: number;
  readonly kind: Directive["kind"];
  readonly passed: boolean;
  /** Why it failed, in one line. */
  readonly reason?: string;
  /** Refused by the text parser, so that the host never saw it. */
  readonly byTextParser?: boolean;
  /** Refused as the script wants, but not for what it says. */
  readonly forAnotherReason?: boolean;
  /** Not passed, but it gives what the specification has changed it to give. */
  readonly outdated?: Outdated;
}

/** The directive did not hold. */
class Failure extends Error {
  override readonly name = "Failure";
}

/** The directive wants a refusal, and got one for something else. */
class AnotherReason extends Failure {}

/** The directive wants a trap, and got another. */
class AnotherTrap extends Failure {
  readonly trap: string;
  constructor(error: TrapError, message: string) {
    super(`expected the trap "${message}", got ${error.trap}: ${error.message}`);
    this.trap = error.trap;
  }
}

interface Running {
  readonly component: Component;
  readonly instance: Instance;
}

/** What a call has given so far. */
type Call =
  | { readonly type: FuncType; readonly given: unknown }
  | { readonly type: FuncType; readonly promise: Promise<unknown>; readonly isOver: boolean }
  | { readonly type?: FuncType; readonly thrown: unknown };

/** A thing that could not be made keeps its reason: what depends on it fails for the same one. */
type Made<T> = { readonly ok: T } | { readonly failed: string };

class Script {
  readonly #definitions = new Map<string, Made<Component>>();
  readonly #instances = new Map<string, Made<Running>>();
  readonly #registered = new Map<string, Running>();
  /** Also those that nothing names any more: their tasks may go on for ever. */
  readonly #made: Instance[] = [];
  #lastDefinition: Made<Component> = { failed: "no component has been defined" };
  #current: Made<Running> = { failed: "no component has been instantiated" };

  /**
   * @param call the one that the directive is about, where it is about one
   * @returns whether the text parser alone decided. @throws when the directive does not hold
   */
  async run(directive: Directive, call: Call | undefined): Promise<boolean> {
    switch (directive.kind) {
      case "component": {
        const { name } = directive.source;
        const definition = await make(() => load(directive.source));
        const instance = await make(() => this.#instantiate(take(definition)));
        this.#define(name, definition);
        this.#setCurrent(name, instance);
        take(instance);
        return false;
      }
      case "component definition": {
        const definition = await make(() => load(directive.source));
        this.#define(directive.source.name, definition);
        take(definition);
        return false;
      }
      case "component instance": {
        const definition =
          directive.definition === undefined ? this.#lastDefinition : this.#definitions.get(directive.definition);
        const instance = await make(() => this.#instantiate(take(definition ?? unknownName(directive.definition))));
        this.#setCurrent(directive.name, instance);
        take(instance);
        return false;
      }
      case "register":
        this.#registered.set(directive.as, this.#find(directive.instance));
        return false;
      case "invoke":
        await this.#outcome(call!);
        return false;
      case "assert_return":
        await this.#assertReturn(call!, directive.results);
        return false;
      case "assert_trap":
        await this.#assertTrap(call ?? (directive.action as ModuleSource), directive.message);
        return false;
      case "assert_invalid":
      case "assert_malformed":
        return await assertRefused(directive.source, directive.message);
      case "assert_unlinkable":
        await this.#assertUnlinkable(directive.source, directive.message);
        return false;
      case "unknown":
        throw new Failure(`cannot read the directive ${directive.keyword}: ${directive.reason}`);
    }
  }

  /** Frees what the script made. */
  close(): void {
    for (const instance of this.#made) instance.dispose();
  }

  #define(name: string | undefined, definition: Made<Component>): void {
    this.#lastDefinition = definition;
    if (name !== undefined) this.#definitions.set(name, definition);
  }

  #setCurrent(name: string | undefined, instance: Made<Running>): void {
    this.#current = instance;
    if (name !== undefined) this.#instances.set(name, instance);
  }

  #instantiate(component: Component): Running {
    const imports = Object.fromEntries([...this.#registered].map(([name, { instance }]) => [name, instance.exports]));
    const instance = component.instantiateSync(imports);
    this.#made.push(instance);
    return { component, instance };
  }

  #find(name: string | undefined): Running {
    if (name === undefined) return take(this.#current);
    return take(this.#instances.get(name) ?? unknownName(name));
  }

  /** Calls an export now, in the turn of whatever came before. */
  call(invoke: Invoke): Call {
    try {
      return this.#call(invoke);
    } catch (thrown) {
      return { thrown };
    }
  }

  #call(invoke: Invoke): Call {
    const { component, instance } = this.#find(invoke.instance);
    const declaration = component.exports.find((item) => item.name === invoke.export);
    if (declaration?.type.kind !== "func") throw new Failure(`no function export ${invoke.export}`);
    const type: FuncType = declaration.type;
    if (type.params.length !== invoke.args.length) throw new Failure("the number of arguments is wrong");
    const args = invoke.args.map((arg, index) => toJs(arg, type.params[index]!.type));
    const func = (instance.exports as Record<string, unknown>)[jsName(invoke.export)];
    if (typeof func !== "function") throw new Failure(`the export ${invoke.export} is not a function of the instance`);
    let given: unknown;
    try {
      given = func(...args);
    } catch (thrown) {
      return { thrown, type };
    }
    // A synchronous function may be one that has to be awaited; then the guest has, or has not, come to its end now.
    if (type.async && !(given instanceof Promise)) throw new Failure(`expected a promise, got ${show(given)}`);
    if (!(given instanceof Promise)) return { type, given };
    const isOver = !type.async && isSettled(given);
    return { type, promise: settled(given, () => trapIfStuck(instance)), isOver };
  }

  /** What a call gives in the end; `ComponentError` becomes the value `err`, so that only faults are thrown. */
  async #outcome(call: Call): Promise<{ value: unknown; type: ValueType | undefined }> {
    const result = call.type?.result;
    const isResult = result?.kind === "result";
    try {
      if ("thrown" in call) throw call.thrown;
      const value = "promise" in call ? await call.promise : call.given;
      return { value: isResult ? { tag: "ok", val: value } : value, type: result };
    } catch (error) {
      if (!isResult || !(error instanceof ComponentError)) throw error;
      return { value: { tag: "err", val: error.payload }, type: result };
    }
  }

  async #assertReturn(call: Call, results: readonly WastValue[]): Promise<void> {
    const { value, type } = await this.#outcome(call);
    const expected = results[0];
    if (results.length > 1) throw new Failure("more than one result is expected");
    if (expected === undefined) {
      if (type !== undefined) throw new Failure(`expected no result, got ${show(value)}`);
    } else if (type === undefined || !agrees(expected, value, type)) {
      throw new Failure(`expected ${describe(expected)}, got ${show(value)}`);
    }
  }

  async #assertTrap(action: Call | ModuleSource, message: string): Promise<void> {
    let value: unknown;
    const component = "sort" in action ? await load(action) : undefined;
    try {
      value = component === undefined ? (await this.#outcome(action as Call)).value : this.#instantiate(component);
    } catch (error) {
      assertMeaning(error, message);
      return;
    }
    throw new Failure(`expected the trap "${message}", got ${show(value)}`);
  }

  async #assertUnlinkable(source: ModuleSource, message: string): Promise<void> {
    const component = await load(source);
    try {
      this.#instantiate(component);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      const issues = error.issues.map((issue) => `${issue.problem} ${issue.import}: ${issue.reason}`);
      assertReason(issues.join("\n"), message);
      return;
    }
    throw new Failure(`expected "${message}", but it links`);
  }
}

function unknownName(name: string | undefined): { failed: string } {
  return { failed: `nothing is named ${name ?? "so"}` };
}

async function make<T>(build: () => T | Promise<T>): Promise<Made<T>> {
  try {
    return { ok: await build() };
  } catch (error) {
    return { failed: reasonOf(error) };
  }
}

function take<T>(made: Made<T>): T {
  if ("failed" in made) throw new Failure(made.failed);
  return made.ok;
}

async function bytesOf(source: ModuleSource): Promise<Uint8Array<ArrayBuffer>> {
  return source.form.kind === "bytes" ? new Uint8Array(source.form.bytes) : await parseText(source.form.text);
}

async function load(source: ModuleSource): Promise<Component> {
  if (source.sort !== "component") throw new Failure("a core module cannot be instantiated here");
  return await compile(await bytesOf(source), source.name?.slice(1) ?? "script");
}

async function assertRefused(source: ModuleSource, message: string): Promise<boolean> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await bytesOf(source);
  } catch (error) {
    if (!(error instanceof TextRefused)) throw error;
    assertReason(error.message, message);
    return true;
  }
  try {
    if (source.sort === "module") new WebAssembly.Module(bytes);
    else await compile(bytes, "script");
  } catch (error) {
    if (source.sort === "module") {
      // The engine's words are not ours to judge.
      if (error instanceof WebAssembly.CompileError) return false;
    } else if (error instanceof DecodeError) {
      assertReason(error.message, message);
      return false;
    }
    throw error;
  }
  throw new Failure(`expected "${message}", but it is accepted`);
}

/** @throws {AnotherReason} when `said` is not what `message` means, or nothing is known of the message */
function assertReason(said: string, message: string): void {
  const wanted = refusalFor(message);
  if (wanted === undefined) throw new AnotherReason(`nothing is known of the message "${message}"`);
  if (!wanted.test(said)) throw new AnotherReason(`expected a refusal for "${message}", got: ${said.split("\n")[0]}`);
}

function assertMeaning(error: unknown, message: string): void {
  const wanted = trapFor(message);
  // The host refuses a call on a locked instance with its own class; the script calls that a trap on entry.
  if (error instanceof UnloadedError && wanted?.codes.includes("cannot-enter-component") === true) return;
  // What the engine lacks is no trap of the guest's, whatever code it comes with.
  if (!(error instanceof TrapError) || error.cause instanceof UnsupportedError) throw error;
  if (wanted?.codes.includes(error.trap) !== true) throw new AnotherTrap(error, message);
  const unsaid = wanted.said.find((words) => !words.test(error.message));
  if (unsaid !== undefined)
    throw new Failure(`expected the trap "${message}" in words of ${unsaid}, got ${error.message}`);
}

/** One line that says why; an unsupported feature is named first, so that reasons can be grouped. */
function reasonOf(error: unknown): string {
  if (error instanceof Failure) return error.message;
  if (error instanceof UnsupportedError) return `needs ${error.feature}: ${error.message}`;
  if (error instanceof TrapError && error.cause instanceof UnsupportedError) return reasonOf(error.cause);
  // A call on a locked instance fails for the reason of the first trap.
  if (error instanceof UnloadedError && error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof Error) return `${error.name}: ${error.message.split("\n")[0]}`;
  return `threw ${show(error)}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "bigint") return `${item}n`;
    if (typeof item === "number" && !Number.isFinite(item)) return String(item);
    if (item instanceof Map) return [...item];
    return ArrayBuffer.isView(item) ? [...(item as unknown as Iterable<unknown>)].map(String) : item;
  });
  return text === undefined ? String(value) : text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/**
 * Runs every directive of a script in order. Between two of them, tasks that can go on do so, but not between calls of synchronous
 * functions: when a store has what is ready go on (`Store.tick` of definitions.py) is the embedder's to say, and scripts are written
 * for one that does so while it waits for something.
 * @param file its name below the specification's `test`, by which its outdated directives are known
 * @throws {SyntaxFault} when the script cannot be split at all
 */
export async function runScript(text: string, file = ""): Promise<readonly Outcome[]> {
  const script = new Script();
  const outcomes: Outcome[] = [];
  const left: unknown[] = [];
  const leave = (reason: unknown): void => void left.push(reason);
  process.on("unhandledRejection", leave);
  try {
    const directives = readDirectives(text);
    for (let next = 0; next < directives.length;) {
      const group = takeGroup(script, directives.slice(next));
      next += group.length;
      for (const [directive, call] of group) outcomes.push(await judge(script, directive, call, file));
      await nextTurn();
      const rejection = left.splice(0)[0];
      const last = outcomes.at(-1)!;
      if (rejection === undefined || !last.passed) continue;
      const reason = `nobody was told of a rejection: ${reasonOf(rejection)}`;
      outcomes[outcomes.length - 1] = { ...last, passed: false, reason };
    }
  } finally {
    script.close();
    await nextTurn();
    process.off("unhandledRejection", leave);
  }
  return outcomes;
}

/** The next directive; and those after it, while they are calls that come in the same turn. */
function takeGroup(script: Script, directives: readonly Directive[]): [Directive, Call | undefined][] {
  const group: [Directive, Call | undefined][] = [];
  for (const directive of directives) {
    const invoke = invokeOf(directive);
    if (invoke === undefined && group.length > 0) break;
    const call = invoke && script.call(invoke);
    group.push([directive, call]);
    if (call === undefined || ("promise" in call && !call.isOver)) break;
  }
  return group;
}

function invokeOf(directive: Directive): Invoke | undefined {
  if (directive.kind === "invoke" || directive.kind === "assert_return") return directive.invoke;
  return directive.kind === "assert_trap" && !("sort" in directive.action) ? directive.action : undefined;
}

async function judge(script: Script, directive: Directive, call: Call | undefined, file: string): Promise<Outcome> {
  const { line, kind } = directive;
  try {
    const byTextParser = await script.run(directive, call);
    return { line, kind, passed: true, ...(byTextParser ? { byTextParser } : {}) };
  } catch (error) {
    const reason = reasonOf(error);
    const outdated = findOutdated(file, line, "message" in directive ? directive.message : undefined);
    const gives = error instanceof AnotherTrap ? error.trap : /^TextRefused/.exec(reason)?.[0];
    return {
      line,
      kind,
      passed: false,
      reason,
      ...(error instanceof AnotherReason ? { forAnotherReason: true } : {}),
      ...(outdated !== undefined && outdated.now === gives ? { outdated } : {}),
    };
  }
}
