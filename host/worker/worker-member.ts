/**
 * One worker and the instance in it: what is called, what it asks of the host, and its end.
 *
 * It does one thing at a time; who waits for it is the business of `pool.ts`.
 */
import { GuestResource, repOf, takeRep, type ResourceOwner } from "../abi/guest-resource.ts";
import { LimitError, TrapError } from "../errors.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import type { CollectionReport, EndReceipt, InstanceResources, Limits, Usage } from "../runtime/engine.ts";
import type { Call, Member, MemberEvents } from "./call.ts";
import { fromData, type ErrorData } from "./errors.ts";
import { giveBackAll, HostImports, type GuestSide } from "./host-imports.ts";
import type { Answer, Failure, Job, Reply, Thread, Threads } from "./messages.ts";
import type { Surface } from "./surface.ts";
import type { Trail } from "./trail.ts";
import { handled, type Handle, type HandleType } from "../runtime/copies.ts";

/**
 * Milliseconds after `timeoutMs` that a worker has to report by itself, before it is ended without being asked: the guest's own
 * clock is looked at every so often, and a message takes its time on a busy machine.
 */
const GRACE_MS = 100;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the instances of a component in workers share. */
export interface Shared {
  readonly name: string;
  readonly surface: Surface;
  readonly linked: LinkedImports;
  readonly threads: Threads;
  readonly trail: Trail;
  readonly job: Job;
  /** Classes of the guest's resources, by number. */
  readonly classes: readonly (Function | undefined)[];
  /** Which worker has the resource that an object of the host's stands for. */
  readonly members: WeakMap<object, WorkerMember>;
  /** Whether calls are waited for in this thread. */
  readonly sync: boolean;
  /** Whether guests count their steps, and so keep limits by themselves. */
  readonly counts: boolean;
}

interface Running {
  readonly call: Call;
  /** Numbers that the host's objects have at the guest for the length of the call, or to be taken back when it is refused. */
  readonly lent: readonly number[];
  readonly given: readonly number[];
  readonly timer: unknown;
}

export class WorkerMember implements Member, GuestSide {
  state: "starting" | "live" | "trapped" | "ended" = "starting";
  usage: Usage = { memoryBytes: 0 };
  importing = false;
  trap: Error | undefined;
  readonly imports: HostImports;
  readonly owners: readonly ResourceOwner[];
  readonly #shared: Shared;
  readonly #events: MemberEvents;
  #thread: Thread | undefined;
  /** The import that the guest waits for, by number. */
  #asked: number | undefined;
  /** To be called when the guest does not wait for an import any more. */
  #unasked: () => void = () => {};
  #running: Running | undefined;
  #starting: { resolve(): void; reject(error: Error): void; timer?: unknown } | undefined;
  #lastId = 0;
  #gone: Promise<void> | undefined;
  /** Linear memories of the instance. */
  #memories = 0;

  constructor(shared: Shared, events: MemberEvents) {
    this.#shared = shared;
    this.#events = events;
    const { surface, linked, name } = shared;
    this.imports = new HostImports(surface, linked, this);
    this.owners = surface.resources.map((resource) => ({
      name: resource.name,
      module: name,
      live: 0,
      drop: (number) => this.#thread?.post(["drop", number]),
    }));
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      const { threads, name, job } = this.#shared;
      this.#thread = threads.start(name, {
        reply: (message) => this.#receive(message),
        lost: (error) => this.#lost(error),
      });
      this.#thread.hold(true);
      this.#thread.post(["start", job]);
    });
  }

  get free(): boolean {
    return this.state === "live" && this.#running === undefined;
  }

  get depth(): number {
    return this.#running === undefined ? 0 : 1;
  }

  resources(): InstanceResources {
    const heldByHost = new Map<string, number>();
    for (const { name, live } of this.owners) heldByHost.set(name, (heldByHost.get(name) ?? 0) + live);
    return { heldByHost, heldByGuest: this.imports.counts() };
  }

  run(call: Call): void {
    this.#post(call);
    this.#thread!.hold(true);
  }

  runSync(call: Call): void {
    this.#post(call);
    const running = this.#running;
    const until = performance.now() + this.#allowed(this.#limitOf(call));
    while (this.#running === running) {
      const reply = this.#thread!.wait!(until - performance.now());
      if (reply === undefined) this.#overdue();
      else this.#receive(reply, true);
    }
  }

  #post(call: Call): void {
    const lent: number[] = [];
    const given: number[] = [];
    const numbers = call.passed.map(({ handle, value, number }) => {
      if (number !== undefined) return number;
      const added = this.imports.add(handle, value);
      (handle.kind === "own" ? given : lent).push(added);
      return added;
    });
    const { params } = this.#shared.surface.exports[call.index]!.type;
    const args = numbers.length === 0 ? call.args : call.args.map((arg, i) => numbered(params[i]!.type, arg, numbers));
    const { signal: _, ...limits } = call.limits ?? {};
    const sent = this.#shared.counts && Object.keys(limits).length > 0 ? limits : undefined;
    try {
      this.#thread!.post(["call", ++this.#lastId, call.index, args, sent]);
    } catch (error) {
      this.imports.takeBack([...lent, ...given]);
      throw error;
    }
    const timer = this.#shared.sync ? undefined : this.#watch(this.#limitOf(call));
    this.#running = { call, lent, given, timer };
  }

  get #limits(): Limits {
    return this.#shared.job.recipe.limits;
  }

  get #startLimit(): number {
    return this.#limits.startTimeoutMs ?? this.#limits.timeoutMs ?? Infinity;
  }

  /** Milliseconds that a call may take: its own limit, where that is tighter than the instance's. */
  #limitOf({ limits }: Call): number {
    return Math.min(this.#limits.timeoutMs ?? Infinity, limits?.timeoutMs ?? Infinity);
  }

  #allowed(limitMs: number): number {
    return this.#shared.counts ? limitMs + GRACE_MS : limitMs;
  }

  #watch(limitMs: number): unknown {
    const allowed = this.#allowed(limitMs);
    // A timer that waits longer than this fires at once.
    if (allowed > LONGEST_TIMER_MS) return undefined;
    return setTimeout(() => this.#overdue(), allowed);
  }

  #overdue(): void {
    const call = this.#running?.call;
    const allowed = call === undefined ? this.#startLimit : this.#limitOf(call);
    const asked = this.#shared.surface.imports[this.#asked ?? -1]?.path.join("#");
    const why = asked === undefined ? "nor a word of it" : `but waiting for the import ${asked}`;
    const words = `no end within ${allowed} ms, ${why}; the worker was ended`;
    this.kill(this.#passed(words, { limit: "timeout", allowed, used: this.#allowed(allowed) }));
  }

  /** Ends the worker when it is at a call whose signal has fired. */
  stop(call: Call): void {
    if (this.#running?.call !== call) return;
    this.kill(
      this.#passed("the signal of the call fired; the worker was ended", { limit: "signal", allowed: 0, used: 0 }),
    );
  }

  #passed(words: string, passed: ConstructorParameters<typeof LimitError>[2]): LimitError {
    const call = this.#running?.call;
    const path = call && this.#shared.surface.exports[call.index]!.path.join("#");
    const { name } = this.#shared;
    const where = path === undefined ? `while instantiating "${name}"` : `in "${name}", export "${path}"`;
    const details = { trap: "limit-exceeded", module: name, export: path } as const;
    return new LimitError(`Trap ${where}: limit-exceeded (${words})`, details, passed);
  }

  /** Ends the worker, whatever it does: the call that runs is rejected with the error, which is the instance's trap. */
  kill(error: Error): void {
    if (this.state === "trapped" || this.state === "ended") return;
    this.#lock(error);
    this.#settle((call) => call.reject(error));
    this.#refuse(error);
  }

  /** Locks the instance; its worker is not needed any more. */
  #lock(trap: Error): void {
    const before = this.state;
    this.state = "trapped";
    this.trap = trap;
    this.imports.abort(trap);
    void this.#terminate();
    if (before === "live") this.#events.trapped(this, trap);
  }

  /** Its memory is gone when this resolves. */
  async end(error: Error): Promise<EndReceipt> {
    const { memoryBytes } = this.usage;
    if (this.state !== "trapped") this.state = "ended";
    this.imports.abort(error);
    const gone = this.#terminate();
    this.#settle((call) => call.reject(error));
    this.#refuse(error);
    await gone;
    let cut = 0;
    for (const owner of this.owners) cut += owner.live;
    const { disposed, errors } = this.imports.end();
    const memories = this.#memories;
    const report: CollectionReport = { reclaimed: true, memories, pending: 0, waitedMs: 0, asked: false, holders: [] };
    return {
      memoryBytes,
      hostResourcesDisposed: disposed,
      guestResourcesCut: cut,
      errors,
      collected: async () => report,
    };
  }

  #terminate(): Promise<void> {
    for (const owner of this.owners) owner.drop = undefined;
    this.#unasked();
    const thread = this.#thread;
    this.#thread = undefined;
    return (this.#gone ??= thread?.terminate() ?? Promise.resolve());
  }

  #lost(error: Error): void {
    if (this.state === "starting") {
      this.state = "ended";
      void this.#terminate();
      this.#refuse(error);
      return;
    }
    const { name } = this.#shared;
    const memory = /memory/i.test(error.message);
    this.kill(
      new TrapError(
        `Trap in "${name}": ${memory ? "out-of-memory" : "unknown"} (its worker ended by itself: ${error.message})`,
        { trap: memory ? "out-of-memory" : "unknown", module: name },
        { cause: error },
      ),
    );
  }

  #refuse(error: Error): void {
    const starting = this.#starting;
    this.#starting = undefined;
    clearTimeout(starting?.timer as never);
    starting?.reject(error);
  }

  #receive(reply: Reply, sync: boolean = false): void {
    // It was ended while this was on its way.
    if (this.#thread === undefined) return;
    switch (reply[0]) {
      case "prepared": {
        this.imports.tagged = reply[1];
        this.#starting!.timer = this.#watch(this.#startLimit);
        return;
      }
      case "started": {
        this.state = "live";
        [, this.usage, this.#memories] = reply;
        const starting = this.#starting!;
        this.#starting = undefined;
        clearTimeout(starting.timer as never);
        this.#thread.hold(false);
        starting.resolve();
        return;
      }
      case "refused":
        this.state = "ended";
        void this.#terminate();
        this.#refuse(this.#made(reply[1]));
        return;
      case "done":
        this.usage = reply[3] ?? this.usage;
        this.#done(reply[2]);
        return;
      case "failed":
        this.#failed(reply[2]);
        return;
      case "import":
        this.#asked = reply[1];
        this.#answer((answer) => this.imports.call(reply[1], reply[2], !sync, answer));
        return;
      case "dropped":
        this.#answer((answer) => answer(this.imports.drop(reply[2])));
        return;
      case "trapped":
        this.kill(this.#made(reply[1]));
    }
  }

  #answer(ask: (answer: (answer: Answer) => void) => void): void {
    const thread = this.#thread!;
    const before = this.importing;
    this.importing = true;
    try {
      this.#unasked = this.#shared.trail.inside(this, this.#running?.call.from, (answered) =>
        ask((answer) => {
          answered();
          // By now the worker may have been ended.
          if (this.#thread !== thread) return;
          this.#asked = undefined;
          thread.answer(answer);
        }),
      );
    } finally {
      this.importing = before;
    }
  }

  #made(data: ErrorData, payload?: (value: unknown) => unknown): Error {
    return fromData(data, this.imports.thrown, payload);
  }

  #done(value: unknown): void {
    const call = this.#running!.call;
    const { result } = this.#shared.surface.exports[call.index]!.type;
    const returned = result?.kind === "result" ? result.ok : result;
    const taken = handled(returned, value, this.#take);
    this.imports.takeBack(this.#running!.lent);
    this.#settle((it) => it.resolve(taken));
  }

  #failed({ error: data, trapped, refused, usage }: Failure): void {
    this.usage = usage ?? this.usage;
    const { call, lent, given } = this.#running!;
    const { result } = this.#shared.surface.exports[call.index]!.type;
    const err = result?.kind === "result" ? result.err : undefined;
    const error = this.#made(data, (value) => handled(err, value, this.#take));
    this.imports.takeBack(refused ? [...lent, ...given] : lent);
    if (refused) giveBackAll(call);
    if (trapped) this.#lock(error);
    this.#settle((it) => it.reject(error));
  }

  readonly #take: Handle = (handle, value) => this.imports.take(handle, value as number);

  /** Ends what runs, and lets the next begin. */
  #settle(tell: (call: Call) => void): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    clearTimeout(running.timer as never);
    this.#thread?.hold(false);
    tell(running.call);
    this.#events.free(this);
  }

  wrap(handle: HandleType, number: number): object {
    const resource = this.#shared.surface.resource(handle).number;
    const { classes, members } = this.#shared;
    const object = Reflect.construct(GuestResource, [number, this.owners[resource]], classes[resource]!) as object;
    members.set(object, this);
    return object;
  }

  unwrap(handle: HandleType, value: unknown): number {
    const owner = this.owners[this.#shared.surface.resource(handle).number]!;
    return handle.kind === "own" ? takeRep(value, owner) : repOf(value, owner);
  }

  cut(object: object): void {
    const owner = this.owners.find((it) => isOf(object, it));
    if (owner !== undefined) takeRep(object, owner);
  }
}

function isOf(object: object, owner: ResourceOwner): boolean {
  try {
    return repOf(object, owner) >= 0;
  } catch {
    return false;
  }
}

/** Arguments with the numbers that their resources have at the guest. */
function numbered(type: Parameters<typeof handled>[0], arg: unknown, numbers: readonly number[]): unknown {
  return handled(type, arg, (_, place) => numbers[place as number]);
}
