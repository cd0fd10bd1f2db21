/**
 * `tenon run`: a program run from a shell, or functions of a component called, one after the other in one instance.
 */
import { readFile } from "node:fs/promises";
import { ComponentError, TenonError, UsageError } from "../../../host/errors.ts";
import { withoutVersion } from "../../../host/model/ids.ts";
import { nearestName } from "../../../host/model/nearest.ts";
import { toCamelCase } from "../../../host/model/spelling.ts";
import { formatExtern } from "../../../host/model/text.ts";
import type { ExternDecl, FuncType, ValueType } from "../../../host/model/types.ts";
import { createHost } from "../../../host/node/index.ts";
import { runCommand } from "../../../host/node/wasi.ts";
import type { HostOptions, Module } from "../../../host/module/types.ts";
import { settled } from "./settle.ts";
import { printValue, withPayload } from "./wave-print.ts";
import { readArguments } from "./wave-read.ts";

/** A function that can be called: one of the world, or of an interface that it exports. */
interface Callable {
  /** `greet`, or `demo:calc/api@1.0.0#add`. */
  readonly name: string;
  /** Other names by which it is found. */
  readonly also: readonly string[];
  readonly type: FuncType;
  /** Keys from `exports` to the function. */
  readonly path: readonly string[];
}

interface Call {
  readonly callable: Callable;
  readonly args: readonly unknown[];
}

/**
 * Calls functions of a component and tells what each gave.
 *
 * @param calls such as `greet("Ada")`
 * @param options what it is given, and where it runs
 * @param told hears of each result as it comes
 * @returns whether no call gave an `err`
 * @throws {UsageError} for a call that is not understood, before anything runs
 * @throws {LinkError} when the component imports what nobody gives here
 */
export async function runCalls(
  file: string,
  calls: readonly string[],
  options: HostOptions,
  told: (text: string) => void,
): Promise<boolean> {
  const host = createHost(options);
  try {
    const { component, module } = await load(host, file);
    const callables = callablesOf(component);
    const chosen = calls.map((text) => understood(text, callables));
    let good = true;
    for (const call of chosen) good = (await perform(module, call, told)) && good;
    return good;
  } finally {
    await host.close();
  }
}

/**
 * Runs a program: a component that exports `wasi:cli/run`.
 * @returns its exit code
 * @throws {UsageError} when it is no program
 * @throws {LinkError} when the component imports what nobody gives here
 */
export async function runProgram(file: string, options: HostOptions): Promise<number> {
  const host = createHost(options);
  try {
    const { component, module } = await load(host, file);
    const callables = callablesOf(component);
    if (!callables.some(({ name }) => /^wasi:cli\/run(?:@[^#]*)?#run$/.test(name))) {
      throw new UsageError(
        `The component is no program of wasi:cli/run: say which function to call; ${listed(callables)}`,
      );
    }
    return await runCommand(module);
  } finally {
    await host.close();
  }
}

/** Whether a component answers requests: it exports `wasi:http/incoming-handler`, or `wasi:http/handler`. */
export async function answersRequests(file: string): Promise<boolean> {
  const { exports } = await read(file);
  return exports.some(({ name }) => /^wasi:http\/(?:incoming-)?handler(?:@|$)/.test(name));
}

/**
 * Where a guest that may have to wait for the network is run: in a worker, which waits on every engine; in this thread when its functions
 * are asynchronous, for those wait by themselves, and streams go to no worker.
 */
export async function placeOf(file: string): Promise<"thread" | "worker"> {
  const { exports } = await read(file);
  return exports.some(isAsync) ? "thread" : "worker";
}

function isAsync({ type }: ExternDecl): boolean {
  return type.kind === "func" ? type.async : type.kind === "instance" && type.exports.some(isAsync);
}

/** @throws {UsageError} for a file that cannot be read, or is no component */
export async function read(
  file: string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly exports: readonly ExternDecl[] }> {
  const { analyze } = await import("../../../host/plan/analyze.ts");
  const bytes = new Uint8Array(
    await readFile(file).catch((cause: unknown) => {
      throw new UsageError(`Could not read ${file}: ${(cause as Error).message}`, { cause });
    }),
  );
  return named(file, () => ({ bytes, exports: analyze(bytes).plan.exportDecls }));
}

/** What goes wrong names the file. */
export async function named<T>(file: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw cause instanceof TenonError ? new UsageError(`${file}: ${cause.message}`, { cause }) : cause;
  }
}

async function load(
  host: ReturnType<typeof createHost>,
  file: string,
): Promise<{ component: readonly ExternDecl[]; module: Module }> {
  const { bytes, exports: component } = await read(file);
  return { component, module: await named(file, () => host.load(bytes, { name: "main" })) };
}

function callablesOf(exports: readonly ExternDecl[]): Callable[] {
  return exports.flatMap(({ name, type }): Callable[] => {
    if (type.kind === "func") return [{ name, also: [], type, path: [toCamelCase(name)] }];
    if (type.kind !== "instance") return [];
    return type.exports.flatMap((item): Callable[] => {
      // What belongs to a resource needs one, which has no text form.
      if (item.type.kind !== "func" || item.name.startsWith("[")) return [];
      const bare = withoutVersion(name);
      const short = bare.split("/").at(-1)!;
      const also = [bare, short, `${name}`].flatMap((one) => [`${one}#${item.name}`, `${one}.${item.name}`]);
      return [
        {
          name: `${name}#${item.name}`,
          also: [...also, item.name],
          type: item.type,
          path: [name, toCamelCase(item.name)],
        },
      ];
    });
  });
}

/** @throws {UsageError} when there is no such function, or its arguments are wrong */
function understood(text: string, callables: readonly Callable[]): Call {
  const open = text.indexOf("(");
  const wanted = (open < 0 ? text : text.slice(0, open)).trim();
  const exact = callables.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : callables.filter(({ also }) => also.includes(wanted));
  if (found.length > 1) {
    throw new UsageError(`There are several functions ${wanted}: ${found.map(({ name }) => name).join(", ")}`);
  }
  const [callable] = found;
  if (callable === undefined) {
    const near = nearestName(wanted, new Set(callables.flatMap(({ name, also }) => [name, ...also])));
    const hint = near === undefined ? listed(callables) : `did you mean ${near}?`;
    throw new UsageError(`There is no function ${wanted === "" ? "without a name" : wanted}; ${hint}`);
  }
  return { callable, args: readArguments(open < 0 ? "()" : text.slice(open), callable.type.params) };
}

function listed(callables: readonly Callable[]): string {
  if (callables.length === 0) return "it exports no function";
  return `it exports\n${callables.map(({ name, type }) => `  ${name}: ${formatExtern(type)}`).join("\n")}`;
}

async function perform(module: Module, { callable, args }: Call, told: (text: string) => void): Promise<boolean> {
  const { path, type } = callable;
  const holder = path.slice(0, -1).reduce<any>((at, key) => at[key], module.exports);
  const { result } = type;
  try {
    const value: unknown = await holder[path.at(-1)!](...args);
    if (result?.kind === "result") told(await written("ok", result.ok, value));
    else if (result !== undefined) told(printValue(await settled(value, result), result));
    return true;
  } catch (error) {
    if (!(error instanceof ComponentError) || result?.kind !== "result") throw error;
    told(await written("err", result.err, error.payload));
    return false;
  }
}

async function written(tag: string, type: ValueType | undefined, value: unknown): Promise<string> {
  return withPayload(tag, type, type === undefined ? undefined : await settled(value, type));
}
