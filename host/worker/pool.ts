/**
 * Several instances that serve one module, or one in a worker: who takes a call, who waits, and what replaces one that has
 * trapped. Whether an instance lives in a worker or in this thread is its member's own business.
 *
 * No library's pool: a call through tinypool takes 1.8 times as long, through piscina 1.3 times, and neither knows calls that belong
 * to the worker of a resource or workers that wait for an import.
 */
import {
  type Activity,
  LimitError,
  type LimitName,
  type LowerError,
  TenonError,
  type TrapError,
  UnloadedError,
  UsageError,
} from "../errors.ts";
import { TRAPPED, UNLOADED } from "../abi/entered.ts";
import type {
  CallLimits,
  CollectOptions,
  CollectionReport,
  EndOptions,
  EndReceipt,
  EngineInstance,
  InstanceEvents,
  InstanceResources,
  PendingCalls,
  Usage,
} from "../runtime/engine.ts";
import { Aborts } from "./aborts.ts";
import type { Call, Limiting, Member, MemberEvents, Passing } from "./call.ts";
import { classesOf, constructorOf, exportsOf } from "./exports.ts";
import { giveBackAll } from "./host-imports.ts";
import { inEach, Lives } from "./lives.ts";
import type { CallOptions } from "../model/async-values.ts";
import type { ExternDecl } from "../model/types.ts";
import type { LinkedImports } from "../runtime/given-imports.ts";
import type { Faults } from "../runtime/lazy.ts";
import type { Surface } from "./surface.ts";
import { comesFrom, type Trail } from "./trail.ts";

/** What is known of an instance before it begins. */
export interface Plan {
  readonly name: string;
  readonly surface: Surface;
  readonly exports: readonly ExternDecl[];
  readonly linked: Pick<LinkedImports, "classes">;
  readonly passing: Passing;
  readonly trail: Trail;
  readonly faults: Faults;
  readonly limiting: Limiting;
  /** What a member is, for messages. */
  readonly kind: "worker" | "instance";
  /** Whether calls are waited for in this thread. */
  readonly sync: boolean;
  /** Whether guests count their steps, and so keep limits by themselves. */
  readonly counts: boolean;
  /** How many members there are. */
  readonly instances: number;
  /** How many calls may wait. */
  readonly queue: number;
  /** Milliseconds that a call may take. */
  readonly timeoutMs: number | undefined;
  readonly onTrap: InstanceEvents["onTrap"];
  /** @param classes of the guest's resources, by number */
  make(classes: readonly (Function | undefined)[], events: MemberEvents): Member;
}

export class Pool implements EngineInstance {
  readonly name: string;
  readonly exports: object;
  readonly cutsCalls = true;
  state: "live" | "trapped" | "unloaded" = "live";
  trap: Error | undefined;
  readonly limited: EngineInstance["limited"];
  readonly pending: PendingCalls | undefined;
  readonly #plan: Plan;
  readonly #lives: Lives;
  /** Calls that no worker has taken, in the order they were made. */
  readonly #waiting: Call[] = [];
  #endReason = "it has been unloaded";
  #ended: Promise<EndReceipt> | undefined;

  private constructor(plan: Plan) {
    this.#plan = plan;
    this.name = plan.name;
    const { surface, linked, kind, counts } = plan;
    const classes = classesOf(surface, (number, args) => this.#construct(number, args));
    if (surface.channels !== undefined || surface.exports.some(({ type }) => type.async))
      this.pending = this.#pending();
    // What does not count its steps ends by force, which only a worker can.
    if (kind === "worker" || counts) this.limited = (exports, limits) => this.#limited(exports, limits);
    this.#lives = new Lives(plan.instances, () => plan.make(classes, this.#events), {
      ready: (member) => this.#next(member),
      spent: (trap) => this.#lock(trap),
    });
    this.exports = exportsOf(plan.exports, surface, { classes, linked }, (index, args) => this.#call(index, args));
    inEach(
      this.exports,
      plan,
      () => this.#lives.members,
      (index, args, member) => this.#call(index, args, member),
    );
  }

  /** Starts the members. @throws what starting the first that fails throws; the others are ended then */
  static async start(plan: Plan): Promise<Pool> {
    const instance = new Pool(plan);
    try {
      await instance.#lives.start();
    } catch (error) {
      await instance.end();
      throw error;
    }
    return instance;
  }

  readonly #events = {
    free: (member: Member): void => this.#next(member),
    trapped: (member: Member, trap: Error): void => {
      if (this.state !== "live") return;
      // Its resources are gone with it, and so is who waits for them.
      const gone = this.#waiting.filter((call) => call.member === member);
      for (const call of gone) {
        this.#takeBack(call);
        this.#reject(call, this.#trapped(call.index, trap));
      }
      if (this.#plan.instances === 1) this.#lock(trap);
      else this.#lives.replace(member, trap);
    },
  };

  #pending(): PendingCalls {
    let cut: readonly Activity[] | undefined;
    const underway = (): readonly Activity[] => cut ?? this.#underway();
    return {
      get underway() {
        return underway();
      },
      // They are rejected at the end, which follows.
      giveUp: () => (cut = underway()),
    };
  }

  /** Calls that have not ended, and streams and futures that have not. */
  #underway(): readonly Activity[] {
    const counts = new Map<string, Activity>();
    const add = (item: Activity): void => {
      const key = `${item.kind} ${item.owner} ${item.waitsFor}`;
      counts.set(key, { ...item, count: item.count + (counts.get(key)?.count ?? 0) });
    };
    for (const member of this.#lives.members) for (const item of member.underway ?? []) add(item);
    for (const call of this.#waiting)
      add({ kind: "call", owner: this.#path(call.index), count: 1, waitsFor: "its turn" });
    return [...counts.values()];
  }

  get depth(): number {
    return this.#waiting.length + this.#lives.members.reduce((sum, { depth }) => sum + depth, 0);
  }

  usage(): Usage {
    if (this.state === "unloaded") return { memoryBytes: 0 };
    const sum: Record<string, number> = { memoryBytes: 0 };
    for (const { usage } of this.#lives.members)
      for (const [key, value] of Object.entries(usage))
        if (typeof value === "number") sum[key] = (sum[key] ?? 0) + value;
    return sum as unknown as Usage;
  }

  resources(): InstanceResources {
    const heldByHost = new Map<string, number>();
    const heldByGuest = new Map<string, number>();
    const add = (counts: Map<string, number>, name: string, count: number): void => {
      if (count > 0) counts.set(name, (counts.get(name) ?? 0) + count);
    };
    for (const member of this.#lives.members) {
      const held = member.resources();
      for (const [name, count] of held.heldByHost) add(heldByHost, name, count);
      for (const [name, count] of held.heldByGuest) add(heldByGuest, name, count);
    }
    return { heldByHost, heldByGuest };
  }

  /** @throws {UsageError} for limits that only a guest can keep which counts its steps, where it does not */
  #limited<T extends object>(exports: T, limits: CallLimits): T {
    const { limiting, counts } = this.#plan;
    const limited = limiting.limitedExports(exports, limits, (call, own) => limiting.limitedBy(own, call));
    const counted = (["cpuMs", "fuel"] as const).find((name) => limits[name] !== undefined);
    if (counted !== undefined && !counts)
      throw new UsageError(
        `To limit calls by ${counted}, load ${this.name} with limits.${counted}, which may be Infinity`,
      );
    return limited;
  }

  end(options: EndOptions = {}): Promise<EndReceipt> {
    return (this.#ended ??= this.#end(options));
  }

  async #end(options: EndOptions): Promise<EndReceipt> {
    const { memoryBytes } = this.usage();
    this.state = "unloaded";
    this.#endReason = options.endReason ?? this.#endReason;
    const words = `"${this.name}" was ended during a call: ${this.#endReason}`;
    const error = new UnloadedError(words, this.trap && { cause: this.trap });
    this.#rejectAll(() => error);
    const { collected, ...closed } = await this.#lives.end(error, options);
    return { ...closed, memoryBytes, collected: (how) => reported(collected, how) };
  }

  /** What a constructor of the guest's gives. */
  #construct(number: number, args: readonly unknown[]): unknown {
    const { surface, sync, name, faults } = this.#plan;
    const index = constructorOf(surface, number);
    if (index !== undefined) return this.#call(index, args);
    const error = faults.noConstructor(surface.resources[number]!.name, name);
    if (sync) throw error;
    return Promise.reject(error);
  }

  #call(index: number, args: readonly unknown[], only?: Member): unknown {
    const { limiting, sync } = this.#plan;
    const limits = limiting.takeCallLimits();
    const { signal } = limits ?? {};
    if (!sync) {
      return new Promise((resolve, reject) => {
        const given = this.#signalGiven(index, args);
        for (const one of [signal, given]) if (one?.aborted === true) throw one.reason;
        const call = this.#made(index, args, { only, limits }, { resolve, reject });
        if (given !== undefined) this.#givenUp(call, given);
        const member = this.#pick(call);
        if (member === undefined) this.#wait(call, args);
        else this.#lowered(call, args, () => member.run(call));
      });
    }
    if (signal?.aborted === true) throw signal.reason;
    let outcome: { readonly value: unknown } | { readonly error: Error } | undefined;
    const call = this.#made(
      index,
      args,
      { only, limits },
      { resolve: (value) => (outcome = { value }), reject: (error) => (outcome = { error }) },
    );
    const member = this.#pick(call);
    if (member === undefined) {
      const { trap } = this.#lives;
      const error = trap === undefined ? this.#insideImport(index) : this.#trapped(index, trap);
      throw this.#refused(call, error);
    }
    this.#lowered(call, args, () => member.runSync!(call));
    if ("error" in outcome!) throw outcome.error;
    return (outcome as unknown as { readonly value: unknown }).value;
  }

  /** The signal that an asynchronous function was called with. */
  #signalGiven(index: number, args: readonly unknown[]): AbortSignal | undefined {
    const { type } = this.#plan.surface.exports[index]!;
    return type.async ? (args[type.params.length] as CallOptions | undefined)?.signal : undefined;
  }

  /** Rejects a call when its signal fires, and tells the guest of one that has begun. */
  #givenUp(call: Call, signal: AbortSignal): void {
    const { resolve, reject } = call;
    const fired = (): void => {
      if (this.#takeBack(call)) this.#reject(call, signal.reason as Error);
      else {
        reject(signal.reason);
        for (const member of this.#lives.members) member.giveUp?.(call);
      }
    };
    signal.addEventListener("abort", fired, { once: true });
    call.resolve = (value) => {
      signal.removeEventListener("abort", fired);
      resolve(value);
    };
    call.reject = (error) => {
      signal.removeEventListener("abort", fired);
      reject(error);
    };
  }

  /** Passes arguments on, or says by their types which of them cannot be passed. */
  #lowered<T>(call: Call, args: readonly unknown[], send: () => T): T {
    try {
      return send();
    } catch (error) {
      throw this.#refused(call, this.#unlowered(call.index, args, error));
    }
  }

  #wait(call: Call, args: readonly unknown[]): void {
    const { queue, name, passing, surface, kind, limiting, timeoutMs } = this.#plan;
    if (this.#waiting.length >= queue) {
      const message = `Cannot call export "${this.#path(call.index)}" of "${name}": ${queue} calls wait already, and no ${kind} is free`;
      this.#reject(call, new TenonError("queue-full", message));
      return;
    }
    // Arrays of numbers are still the program's, which may write to them while the call waits.
    call.args = this.#lowered(call, args, () => passing.keep(surface.exports[call.index]!, call.args));
    this.#waiting.push(call);
    // Its signal is looked after wherever it is.
    const limits = { ...call.limits, signal: undefined };
    const { resolve, reject } = call;
    const turn = new limiting.Turn({
      ...{ name, timeoutMs, limits },
      path: this.#path(call.index),
      refuse: (error) => {
        if (this.#takeBack(call)) this.#refused(call, error);
        reject(error);
      },
    });
    call.turn = turn;
    call.resolve = (value) => {
      turn.end();
      resolve(value);
    };
    call.reject = (error) => {
      turn.end();
      reject(error);
    };
  }

  /**
   * A member that is free for the call.
   * @throws {TrapError} when the call comes from an import that every member which could take it waits for
   */
  #pick(call: Call): Member | undefined {
    const { members } = this.#lives;
    if (call.member !== undefined && !members.includes(call.member))
      throw this.#refused(call, this.#trapped(call.index, call.member.trap));
    const able = call.member === undefined ? members : [call.member];
    let free: Member | undefined;
    for (const member of able) if (member.free && !(free && free.depth <= member.depth)) free = member;
    if (free !== undefined) return free;
    // A member that waits for an import which waits for a call that waits for a member, all of them: none would come back.
    const others = call.from === undefined ? [] : [call, ...this.#waiting.filter(({ from }) => from !== undefined)];
    const waits = (member: Member): boolean => member.importing || others.some((each) => comesFrom(each, member));
    if (able.length > 0 && able.every(waits)) throw this.#refused(call, this.#insideImport(call.index));
    return undefined;
  }

  #refused(call: Call, error: Error): Error {
    this.#aborts.remove(call);
    giveBackAll(call);
    return error;
  }

  #reject(call: Call, error: Error): void {
    call.reject(this.#refused(call, error));
  }

  /** @returns whether the call was waiting, which it is no more */
  #takeBack(call: Call): boolean {
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #rejectAll(error: (call: Call) => Error): void {
    for (const call of this.#waiting.splice(0)) this.#reject(call, error(call));
  }

  /** A member is free: it takes the first call that it can. */
  #next(member: Member): void {
    const waiting = this.#waiting;
    while (member.free && waiting.length > 0) {
      const at = waiting.findIndex((call) => call.member === undefined || call.member === member);
      if (at < 0) return;
      const call = waiting.splice(at, 1)[0]!;
      call.turn?.begin();
      member.run(call);
    }
  }

  /** No member is left that could serve. */
  #lock(trap: Error): void {
    if (this.state !== "live") return;
    this.state = "trapped";
    this.trap = trap;
    try {
      this.#plan.onTrap?.(trap);
    } catch {
      // The listener fails alone.
    }
    this.#rejectAll((call) => this.#trapped(call.index, trap));
  }

  /**
   * A call as it was made: the program may change its values afterwards.
   * @throws {LowerError} when a resource is none of this module's
   * @throws {UnloadedError} when the instance is locked or has ended
   */
  #made(
    index: number,
    args: readonly unknown[],
    { only, limits }: { readonly only: Member | undefined; readonly limits: CallLimits | undefined },
    settle: Pick<Call, "resolve" | "reject">,
  ): Call {
    if (this.state !== "live") throw this.#refusal(this.state === "trapped" ? TRAPPED : UNLOADED, index);
    const { passing, surface, trail } = this.#plan;
    try {
      const given = passing.give(surface.exports[index]!, args, only);
      return this.#watched({ ...given, index, from: trail.here, limits, ...settle });
    } catch (error) {
      throw this.#unlowered(index, args, error);
    }
  }

  /** A call that its signal ends, if it has one: what the call throws is the signal's reason then. */
  #watched(call: Call): Call {
    const { signal } = call.limits ?? {};
    if (signal === undefined) return call;
    const watched: Call = {
      ...call,
      resolve: (value) => {
        this.#aborts.remove(watched);
        call.resolve(value);
      },
      reject: (error) => {
        this.#aborts.remove(watched);
        const fired = error instanceof LimitError && error.limit === ("signal" satisfies LimitName);
        call.reject(fired ? signal.reason : error);
      },
    };
    this.#aborts.add(watched, signal);
    return watched;
  }

  readonly #aborts = new Aborts((call) => {
    for (const member of this.#lives.members) member.stop(call);
    // What waits has not begun: the module serves on.
    if (this.#takeBack(call)) this.#reject(call, call.limits!.signal!.reason as Error);
  });

  /** What is wrong with the arguments, by their types. */
  #unlowered(index: number, args: readonly unknown[], error: unknown): LowerError {
    const { surface, faults, passing } = this.#plan;
    const { params } = surface.exports[index]!.type;
    const found = faults.mismatch(
      params.map(({ type }) => type),
      params.map((_, i) => args[i]),
      params.map(({ name }) => name),
      passing.explain,
    );
    return found === undefined ? faults.changed(this.#path(index), error) : faults.misfit(found);
  }

  #path(index: number): string {
    return this.#plan.surface.exports[index]!.path.join("#");
  }

  /** A call that the state does not allow. */
  #refusal(state: number, index: number): Error {
    const { name, trap } = this;
    const about = { name, endReason: this.#endReason, trap: trap as TrapError | undefined };
    return this.#plan.faults.refusal(state, this.#path(index), about);
  }

  /** A call from an import, which no member could take before the import has returned. */
  #insideImport(index: number): Error {
    const { name, faults, kind, instances } = this.#plan;
    const path = this.#path(index);
    const who = instances === 1 ? `${kind} waits` : `${kind}s wait`;
    const message = `Cannot call export "${path}" of "${name}": it is called from an import that the module's ${who} for; call it when the import has returned, or give the module more instances`;
    return faults.cannotEnter(message, { module: name, export: path }, undefined);
  }

  /** A call for a member that has trapped, while others may serve. */
  #trapped(index: number, trap: Error | undefined): Error {
    const about = { name: this.name, endReason: "", trap: trap as TrapError };
    return this.#plan.faults.refusal(TRAPPED, this.#path(index), about);
  }
}

/** Whether the engine has reclaimed the memories of all members. */
async function reported(
  members: readonly EndReceipt["collected"][],
  options: CollectOptions | undefined,
): Promise<CollectionReport> {
  const reports = await Promise.all(members.map((collected) => collected(options)));
  const sum = (of: (report: CollectionReport) => number): number => reports.reduce((all, each) => all + of(each), 0);
  const spaces = reports.flatMap(({ reservations }) => reservations ?? []);
  return {
    reclaimed: reports.every(({ reclaimed }) => reclaimed),
    memories: sum(({ memories }) => memories),
    pending: sum(({ pending }) => pending),
    waitedMs: Math.max(0, ...reports.map(({ waitedMs }) => waitedMs)),
    asked: reports.some(({ asked }) => asked),
    holders: [...new Set(reports.flatMap(({ holders }) => holders))],
    // Of the process: each looked before its own end and after it.
    ...(spaces.length > 0 && {
      reservations: {
        before: Math.max(...spaces.map(({ before }) => before)),
        after: Math.min(...spaces.map(({ after }) => after)),
      },
    }),
  };
}
