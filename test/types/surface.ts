/**
 * The public surface as a user's compiler sees it. Nothing here runs: each line must compile, and what stands under a
 * `@ts-expect-error` must not.
 */
import {
  attempt,
  type BoundComponent,
  type CallResult,
  compile,
  type Component,
  ComponentError,
  createHost,
  type Host,
  type HostEvents,
  type InWorker,
  type Instance,
  type LinkIssue,
  LowerError,
  type Module,
  type ModuleInfo,
  type ReloadReceipt,
  TenonError,
  TrapError,
  type TrapCode,
  type TypedSource,
  type UnloadReceipt,
  type World,
} from "tenon";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_ extends true>(): void {}

interface Log {
  write(line: string): void;
}
interface Job extends World {
  imports: { "demo:log/log@0.1.0": Log };
  exports: { run(job: string): number; api: { add(a: number, b: number): number } };
}

const write = (line: string): void => void line;

export async function loading(host: Host): Promise<void> {
  const job = await host.load<Job>("job.wasm", { imports: { "demo:log/log@0.1.0": { write } }, name: "job" });
  holds<Equal<typeof job, Module<Job>>>();
  holds<Equal<typeof job.exports.run, (job: string) => number>>();
  // Without its version, through a factory, or left for another module to provide.
  await host.load<Job>("job.wasm", { imports: { "demo:log/log": { write } } });
  await host.load<Job>("job.wasm", {
    imports: ({ signal, defer }) => {
      holds<Equal<typeof signal, AbortSignal>>();
      defer(() => {}, "cleanup");
      return { "demo:log/log@0.1.0": { write } };
    },
  });
  await host.load<Job>("job.wasm");

  // @ts-expect-error the import takes a string
  await host.load<Job>("job.wasm", { imports: { "demo:log/log@0.1.0": { write: (line: number) => void line } } });
  // @ts-expect-error there is no such option
  await host.load<Job>("job.wasm", { import: {} });
  // @ts-expect-error a number is no source
  await host.load(5);
  // @ts-expect-error the policy is misspelt
  await host.load("job.wasm", { onTrap: "restrat" });
  // @ts-expect-error the job is a string
  job.exports.run(1);
  // @ts-expect-error there is no such function
  job.exports.walk();
  // @ts-expect-error exports are not for writing
  job.exports = { run: () => 0, api: { add: () => 0 } };

  const receipt = await job.reload("job-2.wasm", { drain: 100, state: false });
  holds<Equal<typeof receipt, ReloadReceipt>>();
  const gone = await job.unload({ collect: true, force: true });
  holds<Equal<typeof gone, UnloadReceipt>>();
  holds<Equal<Awaited<typeof gone.collected>["reclaimed"], boolean>>();
  holds<Equal<ReturnType<Host["manifest"]>, readonly ModuleInfo[]>>();
  const stop: () => void = host.on("trapped", (event) => holds<Equal<typeof event, HostEvents["trapped"]>>());
  stop();
  // @ts-expect-error there is no such event
  host.on("exploded", () => {});
}

interface Account extends Disposable {
  balance(): bigint;
}
interface Bank extends World {
  imports: { "demo:log/log@0.1.0": { write(line: string): void; now: () => bigint } };
  exports: {
    accounts: {
      Account: { new (owner: string): Account; open(owner: string): Account };
      merge(all: Account[], note: { bytes: Uint8Array; names: Map<string, number> }): Account | undefined;
    };
    names(): string[];
  };
}

/** In a worker everything exported returns a promise, and imports may. */
export async function isolated(host: Host, source: TypedSource<Bank>): Promise<void> {
  const bank = await host.load<Bank>("bank.wasm", {
    isolation: "worker",
    imports: { "demo:log/log": { write: async () => {}, now: async () => 1n } },
  });
  holds<Equal<typeof bank, Module<InWorker<Bank>>>>();
  const { Account: Opened, merge } = bank.exports.accounts;
  const one = await new Opened("Ada");
  const two = await Opened.open("Bob");
  const balance: bigint = await one.balance();
  const merged = await merge([one, two], { bytes: new Uint8Array(), names: new Map() });
  holds<Equal<ReturnType<typeof bank.exports.names>, Promise<string[]>>>();
  const more: Promise<bigint> | undefined = merged?.balance();
  one[Symbol.dispose]();
  const typed = await host.load(source, { isolation: "worker" });
  holds<Equal<typeof typed, Module<InWorker<Bank>>>>();
  const waiting = await host.load<Bank>("bank.wasm", { isolation: "worker-sync", instances: 2, queue: 10 });
  holds<Equal<typeof waiting, Module<Bank>>>();
  const apart = createHost({ isolation: "worker" });
  const there = await apart.load<Bank>("bank.wasm");
  holds<Equal<typeof there.exports, InWorker<Bank>["exports"]>>();
  const here = await apart.load<Bank>("bank.wasm", { isolation: "thread" });
  holds<Equal<typeof here.exports, Bank["exports"]>>();
  const suspended = await host.load<Bank>("bank.wasm", {
    jspi: true,
    instances: 2,
    limits: { yieldMs: 5 },
    imports: { "demo:log/log": { write: async () => {}, now: async () => 1n } },
  });
  holds<Equal<typeof suspended, Module<InWorker<Bank>>>>();
  const component = await compile<Bank>("bank.wasm", { jspi: true });
  holds<Equal<typeof component, Component<InWorker<Bank>>>>();
  const waits = createHost({ jspi: true });
  const suspending = await waits.load<Bank>("bank.wasm");
  holds<Equal<typeof suspending.exports, InWorker<Bank>["exports"]>>();
  // @ts-expect-error there is no such place
  await host.load<Bank>("bank.wasm", { isolation: "process" });
  // @ts-expect-error a promise has no such method
  bank.exports.names().map(String);
  // @ts-expect-error in this thread an import returns what it says
  await host.load<Bank>("bank.wasm", { imports: { "demo:log/log": { write: () => {}, now: async () => 1n } } });
  void [balance, more];
}

/** A source that knows its world needs no type argument. */
export async function sources(host: Host, job: TypedSource<Job>, bound: BoundComponent<Job>): Promise<void> {
  const typed = await host.load(job, { imports: { "demo:log/log": { write } } });
  holds<Equal<typeof typed, Module<Job>>>();
  const fromBound = await host.load(bound);
  holds<Equal<typeof fromBound, Module<Job>>>();
  const component = await compile(job);
  holds<Equal<typeof component, Component<Job>>>();
  // What knows nothing of its world gives a module that knows nothing.
  const plain = await host.load("job.wasm");
  holds<Equal<typeof plain, Module<World>>>();
  const untyped: BoundComponent = bound;
  const unknown = await host.load(untyped);
  holds<Equal<typeof unknown, Module<World>>>();
  await typed.reload(job);
  // @ts-expect-error the import takes a string
  await host.load(job, { imports: { "demo:log/log": { write: (line: number) => void line } } });
}

/** Modules that are there already, by the world that the program knows them to have. */
export async function known(host: Host): Promise<void> {
  const job = host.get<Job>("job");
  holds<Equal<typeof job, Module<Job> | undefined>>();
  const sure = host.require<Job>("job");
  holds<Equal<typeof sure, Module<Job>>>();
  const plain = host.require("job");
  holds<Equal<typeof plain, Module<World>>>();
  const all = await host.loadDirectory<Job>("jobs", { imports: { "demo:log/log": { write } } });
  holds<Equal<typeof all, Module<Job>[]>>();
  const some = await host.loadDirectory("jobs");
  holds<Equal<typeof some, Module<World>[]>>();
  // @ts-expect-error the import takes a string
  await host.loadDirectory<Job>("jobs", { imports: { "demo:log/log": { write: (line: number) => void line } } });
  // @ts-expect-error the job is a string
  sure.exports.run(1);
}

export async function scoped(): Promise<void> {
  await using host = createHost({ onTrap: { maxRestarts: 3 } });
  await using job = await host.load<Job>("job.wasm");
  job.exports.api.add(1, 2);
}

export async function components(): Promise<void> {
  const component = await compile<Job>(new Uint8Array());
  holds<Equal<typeof component, Component<Job>>>();
  const missing: readonly LinkIssue[] = component.missing({});
  using instance = component.instantiateSync({ "demo:log/log@0.1.0": { write } });
  holds<Equal<typeof instance, Instance<Job>>>();
  const sum: number = instance.exports.api.add(missing.length, 2);
  holds<Equal<typeof instance.state, "live" | "trapped" | "unloaded">>();
  // Without its version, or beside what other worlds need.
  component.instantiateSync({ "demo:log/log": { write } });
  await component.instantiate({ "demo:log/log": { write: (line) => void line.length }, "demo:more/more": {} });
  const shared: Record<"demo:log/log", Log> & Record<"wasi:cli/stdout", object> = {
    "demo:log/log": { write },
    "wasi:cli/stdout": {},
  };
  await component.instantiate(shared);
  // @ts-expect-error the import is missing
  component.instantiateSync({});
  // @ts-expect-error no import is given
  component.instantiateSync();
  // @ts-expect-error no import is given
  await component.instantiate();
  // @ts-expect-error the import takes a string
  component.instantiateSync({ "demo:log/log": { write: (line: number) => void line } });
  // @ts-expect-error the import takes a string
  component.instantiateSync({ "demo:log/log@0.1.0": { write: (line: number) => void line } });
  const untyped: Component = await compile(new Uint8Array());
  await untyped.instantiate({ anything: 1 });
  await untyped.instantiate();
  const free = await compile<{ imports: { "demo:types/types@0.1.0"?: object }; exports: object }>("free.wasm");
  await free.instantiate();
  free.instantiateSync(undefined, { name: "free" });
  void sum;
}

export function faults(job: Module<Job>): number {
  const result = attempt(() => job.exports.run("tidy"));
  holds<Equal<typeof result, CallResult<number>>>();
  if (result.ok) return result.value;
  const { error } = result;
  if (error instanceof TrapError) holds<Equal<typeof error.trap, TrapCode>>();
  if (error instanceof ComponentError) holds<Equal<typeof error.payload, unknown>>();
  // @ts-expect-error a failed call has no value
  void result.value;
  const lower: TypeError = new LowerError("a.b", "u8", "300");
  return error instanceof TenonError || lower instanceof LowerError ? 0 : 1;
}
