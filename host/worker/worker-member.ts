/**
 * One worker and the instance in it: what is called, what it asks of the host, and its end.
 *
 * It makes one synchronous call at a time, and any number of asynchronous ones; who waits for it is the business of `pool.ts`.
 */
import { GuestResource, repOf, takeRep, type ResourceOwner } from "../abi/guest-resource.ts";
import { type Activity, LimitError, TrapError, UnloadedError } from "../errors.ts";
import type { GuestStream } from "../model/async-values.ts";
import { cutOff } from "../runtime/source-fault.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import type { CollectionReport, EndReceipt, InstanceResources, Limits, Usage } from "../runtime/engine.ts";
import type { Call, Member, MemberEvents } from "./call.ts";
import { fromData, type ErrorData } from "./errors.ts";
import { giveBackAll, HostImports, type GuestSide } from "./host-imports.ts";
import type { Answer, Failure, Job, Reply, Thread, Threads } from "./messages.ts";
import type { Surface } from "./surface.ts";
import type { Trail } from "./trail.ts";
import { handled, type Handle, type HandleType, isChannel } from "../runtime/copies.ts";
import type { Link } from "./channel-ends.ts";
import type { Channels, Crossing } from "./channels.ts";

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
  /** How streams and futures cross, for a component that passes some. */
  readonly bridge: typeof import("./channels.ts") | undefined;
}

interface Running {
  readonly id: number;
  readonly call: Call;
  /** Numbers that the host's objects have at the guest for the length of the call, or to be taken back when it is refused. */
  readonly lent: readonly number[];
  readonly given: readonly number[];
  timer: unknown;
  /** Its caller has been told that it is given up; what comes of it is dropped. */
  over: boolean;
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
  readonly #running = new Map<number, Running>();
  /** A synchronous call, beside which no other begins. */
  #busy: Running | undefined;
  readonly #channels: Channels | undefined;
  #starting: { resolve(): void; reject(error: Error): void; timer?: unknown } | undefined;
  #lastId = 0;
  #gone: Promise<void> | undefined;
  /** Linear memories of the instance. */
  #memories = 0;

  constructor(shared: Shared, events: MemberEvents) {
    this.#shared = shared;
    this.#events = events;
    const { surface, linked, name, bridge } = shared;
    this.imports = new HostImports(surface, linked, this, () => this.#channels);
    this.#channels = bridge && new bridge.Channels(this.#link);
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
    return this.state === "live" && this.#busy === undefined;
  }

  get depth(): number {
    return this.#running.size;
  }

  get underway(): readonly Activity[] {
    const found = new Map<string, number>();
    const add = (owner: string): void => void found.set(owner, (found.get(owner) ?? 0) + 1);
    for (const { call, over } of this.#running.values()) if (!over) add(this.#pathOf(call));
    for (const owner of this.#channels?.open ?? []) add(owner);
    const calls = [...found].map(([owner, count]): Activity => ({ kind: "call", owner, count }));
    return [...calls, ...this.imports.awaited.map((owner): Activity => ({ kind: "promise", owner, count: 1 }))];
  }

  #pathOf({ index }: Call): string {
    return this.#shared.surface.exports[index]!.path.join("#");
  }

  /** How elements of streams and values of futures cross, outside of calls. */
  readonly #link: Link = {
    post: (message, transfer) => {
      this.#thread?.post(message, transfer);
      this.#hold();
    },
    out: (type, value) => this.imports.give(type, value),
    in: (type, value) => handled(type, value, (handle, part) => this.imports.take(handle, part, "")),
    transfers: () => [],
    tell: (error) => this.imports.tell(error),
    told: (data) => this.#made(data as ErrorData),
  };

  /** The program goes on while a worker is waited for. */
  #hold(): void {
    this.#thread?.hold(this.#starting !== undefined || this.#running.size > 0 || this.#channels?.isWaiting === true);
  }

  resources(): InstanceResources {
    const heldByHost = new Map<string, number>();
    for (const { name, live } of this.owners) heldByHost.set(name, (heldByHost.get(name) ?? 0) + live);
    return { heldByHost, heldByGuest: this.imports.counts() };
  }

  run(call: Call): void {
    this.#post(call);
    this.#hold();
  }

  runSync(call: Call): void {
    const running = this.#post(call);
    const until = performance.now() + this.#allowed(this.#limitOf(call));
    while (this.#running.has(running.id)) {
      const reply = this.#thread!.wait!(until - performance.now());
      if (reply === undefined) this.#overdue(running);
      else this.#receive(reply, true);
    }
  }

  #post(call: Call): Running {
    const lent: number[] = [];
    const given: number[] = [];
    const streams: Crossing[] = [];
    const { params, async } = this.#shared.surface.exports[call.index]!.type;
    const { signal: _, ...limits } = call.limits ?? {};
    const sent = this.#shared.counts && Object.keys(limits).length > 0 ? limits : undefined;
    const id = ++this.#lastId;
    try {
      const numbers = call.passed.map(({ handle, value, number }) => {
        if (number !== undefined) return number;
        if (isChannel(handle)) return streams[streams.push(this.#channels!.give(handle, value)) - 1];
        const added = this.imports.add(handle, value);
        (handle.kind === "own" ? given : lent).push(added);
        return added;
      });
      const args =
        numbers.length === 0 ? call.args : call.args.map((arg, i) => numbered(params[i]!.type, arg, numbers));
      this.#thread!.post(["call", id, call.index, args, sent]);
    } catch (error) {
      this.imports.takeBack([...lent, ...given]);
      for (const crossing of streams) this.#channels!.takeBack(crossing);
      throw error;
    }
    const running: Running = { id, call, lent, given, timer: undefined, over: false };
    if (!this.#shared.sync) running.timer = this.#watch(this.#limitOf(call), running);
    this.#running.set(id, running);
    if (!async) this.#busy = running;
    return running;
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

  #watch(limitMs: number, running?: Running): unknown {
    const allowed = this.#allowed(limitMs);
    // A timer that waits longer than this fires at once.
    if (allowed > LONGEST_TIMER_MS) return undefined;
    return setTimeout(() => this.#overdue(running), allowed);
  }

  #overdue(running: Running | undefined): void {
    const allowed = running === undefined ? this.#startLimit : this.#limitOf(running.call);
    const asked = this.#shared.surface.imports[this.#asked ?? -1]?.path.join("#") ?? this.imports.awaited[0];
    const why = asked === undefined ? "nor a word of it" : `but waiting for the import ${asked}`;
    const passed = { limit: "timeout", allowed, used: this.#allowed(allowed) } as const;
    if (running !== undefined && running !== this.#busy && !this.#shared.sync && !this.#shared.counts) {
      this.#giveUp(running, this.#passed(`no end within ${allowed} ms`, passed, running));
    } else
      this.kill(this.#passed(`no end within ${allowed} ms, ${why}; the worker was ended`, passed, running), running);
  }

  /** Ends the worker when it is at a synchronous call whose signal has fired; an asynchronous one may end alone. */
  stop(call: Call): void {
    const running = this.#of(call);
    if (running === undefined) return;
    const passed = { limit: "signal", allowed: 0, used: 0 } as const;
    if (running !== this.#busy) this.#giveUp(running, this.#passed("the signal of the call fired", passed, running));
    else this.kill(this.#passed("the signal of the call fired; the worker was ended", passed, running), running);
  }

  giveUp(call: Call): void {
    const running = this.#of(call);
    if (running === undefined) return;
    running.over = true;
    this.#thread!.post(["abort", running.id]);
  }

  #of(call: Call): Running | undefined {
    for (const running of this.#running.values()) if (running.call === call) return running;
    return undefined;
  }

  /** Ends an asynchronous call: its guest is told, and ended with its worker when it does not listen. */
  #giveUp(running: Running, error: LimitError): void {
    this.giveUp(running.call);
    clearTimeout(running.timer as never);
    running.timer = setTimeout(() => this.kill(error), GRACE_MS);
    running.call.reject(error);
  }

  #passed(
    words: string,
    passed: ConstructorParameters<typeof LimitError>[2],
    running: Running | undefined,
  ): LimitError {
    const path = running && this.#pathOf(running.call);
    const { name } = this.#shared;
    const where = path === undefined ? `while instantiating "${name}"` : `in "${name}", export "${path}"`;
    const details = { trap: "limit-exceeded", module: name, export: path } as const;
    return new LimitError(`Trap ${where}: limit-exceeded (${words})`, details, passed);
  }

  /**
   * Ends the worker, whatever it does: the call that runs is rejected with the error, which is the instance's trap.
   * @param culprit which call that is, where that is known
   */
  kill(error: Error, culprit: Running | undefined = this.#busy): void {
    if (this.state === "trapped" || this.state === "ended") return;
    this.#lock(error);
    this.#rejectAll(error, culprit);
    this.#refuse(error);
  }

  /** The instance has trapped. */
  #rejectAll(trap: Error, culprit: Running | undefined): void {
    const others = this.#running.size > 1 || culprit === undefined;
    for (const running of [...this.#running.values()]) {
      const { call } = running;
      const words = `The call of export "${this.#pathOf(call)}" of "${this.#shared.name}" was given up: another call trapped`;
      const alone = running === culprit || !others;
      this.#settle(running, () => call.reject(alone ? trap : new UnloadedError(words, { cause: trap })));
    }
  }

  /** Locks the instance; its worker is not needed any more. */
  #lock(trap: Error): void {
    const before = this.state;
    this.state = "trapped";
    this.trap = trap;
    this.imports.abort(trap);
    this.#channels?.cut(trap);
    void this.#terminate();
    if (before === "live") this.#events.trapped(this, trap);
  }

  /** Its memory is gone when this resolves. */
  async end(error: Error): Promise<EndReceipt> {
    const { memoryBytes } = this.usage;
    if (this.state !== "trapped") this.state = "ended";
    this.imports.abort(error);
    this.#channels?.cut(cutOff(this.#shared.name));
    const gone = this.#terminate();
    for (const running of [...this.#running.values()]) this.#settle(running, () => running.call.reject(error));
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
        this.#hold();
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
        this.#done(this.#running.get(reply[1])!, reply[2]);
        return;
      case "failed":
        this.#failed(this.#running.get(reply[1])!, reply[2]);
        return;
      case "begin":
        this.imports.begin(reply[1], reply[2], reply[3], !sync, (answer) =>
          this.#thread?.post(["answer", reply[1], answer]),
        );
        return;
      case "cancel":
        this.imports.cancel(reply[1]);
        return;
      case "channel":
        this.#channels!.receive(reply);
        this.#hold();
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
      this.#unasked = this.#shared.trail.inside(this, this.#busy?.call.from, (answered) =>
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

  #done(running: Running, value: unknown): void {
    const { call, lent } = running;
    const { result } = this.#shared.surface.exports[call.index]!.type;
    const returned = result?.kind === "result" ? result.ok : result;
    const taken = handled(returned, value, this.#taking(running));
    this.imports.takeBack(lent);
    this.#settle(running, () => call.resolve(taken));
  }

  #failed(running: Running, { error: data, trapped, refused, usage }: Failure): void {
    this.usage = usage ?? this.usage;
    const { call, lent, given } = running;
    const { result } = this.#shared.surface.exports[call.index]!.type;
    const err = result?.kind === "result" ? result.err : undefined;
    const error = this.#made(data, (value) => handled(err, value, this.#taking(running)));
    this.imports.takeBack(refused ? [...lent, ...given] : lent);
    if (refused) giveBackAll(call);
    if (trapped) {
      this.#lock(error);
      this.#rejectAll(error, running);
    } else this.#settle(running, () => call.reject(error));
  }

  /** What a call gives; when nobody waits for it any more, that goes as it comes. */
  #taking({ call, over }: Running): Handle {
    return (handle, value) => {
      const taken = this.imports.take(handle, value, this.#pathOf(call));
      if (!over) return taken;
      if (handle.kind === "stream") void (taken as GuestStream<unknown>).cancel();
      else if (taken instanceof GuestResource) taken[Symbol.dispose]();
      return taken;
    };
  }

  /** Ends what runs, and lets the next begin. */
  #settle(running: Running, tell: () => void): void {
    this.#running.delete(running.id);
    if (this.#busy === running) this.#busy = undefined;
    clearTimeout(running.timer as never);
    this.#hold();
    tell();
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
function numbered(type: Parameters<typeof handled>[0], arg: unknown, numbers: readonly unknown[]): unknown {
  return handled(type, arg, (_, place) => numbers[place as number]);
}
