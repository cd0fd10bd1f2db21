/**
 * An instance in a worker, or several that serve one module: who takes a call, who waits, and what replaces one that has
 * trapped.
 *
 * No library's pool: a call through tinypool takes 1.8 times as long, through piscina 1.3 times, and neither knows calls that belong
 * to the worker of a resource or workers that wait for an import.
 */
import { explainWrapper, isWrapper, repOf, takeRep } from "../abi/guest-resource.ts";
import type { ExplainHandle } from "../abi/explain.ts";
import { LimitError, type LimitName, type LowerError, TenonError, type TrapError, UsageError } from "../errors.ts";
import { TRAPPED, UNLOADED } from "../abi/entered.ts";
import { describe } from "../words.ts";
import type {
  CallLimits,
  CollectionReport,
  EndOptions,
  EndReceipt,
  EngineInstance,
  InstanceEvents,
  InstanceResources,
  Usage,
} from "../runtime/engine.ts";
import { Aborts } from "./aborts.ts";
import { classesOf, constructorOf, exportsOf } from "./exports.ts";
import { cutShort, giveBackAll, Member, type Call, type Passed, type Shared } from "./member.ts";
import { inEach, Lives } from "./lives.ts";
import type { ExternDecl } from "../model/types.ts";
import { comesFrom } from "./trail.ts";
import { copying, type HandleType } from "../runtime/copies.ts";

/** What is known of an instance before it begins. */
export interface Plan extends Omit<Shared, "classes" | "members" | "counts"> {
  readonly exports: readonly ExternDecl[];
  /** How many workers there are. */
  readonly instances: number;
  /** How many calls may wait. */
  readonly queue: number;
  readonly onTrap: InstanceEvents["onTrap"];
}

export class WorkerInstance implements EngineInstance {
  readonly name: string;
  readonly exports: object;
  readonly cutsCalls = true;
  state: "live" | "trapped" | "unloaded" = "live";
  trap: Error | undefined;
  readonly #plan: Plan;
  readonly #shared: Shared;
  readonly #lives: Lives;
  /** Calls that no worker has taken, in the order they were made. */
  readonly #waiting: Call[] = [];
  #endReason = "it has been unloaded";
  #ended: Promise<EndReceipt> | undefined;

  private constructor(plan: Plan) {
    this.#plan = plan;
    this.name = plan.name;
    const { surface, linked } = plan;
    const classes = classesOf(surface, (number, args) => this.#construct(number, args));
    const counts = plan.limiting.countsSteps(plan.job.recipe);
    this.#shared = { ...plan, classes, members: new WeakMap(), counts };
    this.#lives = new Lives(plan.instances, () => new Member(this.#shared, this.#events), {
      ready: (member) => this.#next(member),
      spent: (trap) => this.#lock(trap),
    });
    this.exports = exportsOf(plan.exports, surface, { classes, linked }, (index, args) => this.#call(index, args));
    inEach(
      this.exports,
      surface,
      () => this.#lives.members,
      (index, args, member) => this.#call(index, args, member),
    );
  }

  /** Starts the workers. @throws what starting the first that fails throws; the others are ended then */
  static async start(plan: Plan): Promise<WorkerInstance> {
    const instance = new WorkerInstance(plan);
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
        this.#waiting.splice(this.#waiting.indexOf(call), 1);
        this.#reject(call, this.#trapped(call.index, trap));
      }
      if (this.#plan.instances === 1) this.#lock(trap);
      else this.#lives.replace(member, trap);
    },
  };

  get depth(): number {
    return this.#waiting.length + this.#lives.members.filter(({ busy }) => busy).length;
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
    for (const { owners, imports } of this.#lives.members) {
      for (const { name, live } of owners) add(heldByHost, name, live);
      for (const [name, count] of imports.counts()) add(heldByGuest, name, count);
    }
    return { heldByHost, heldByGuest };
  }

  /** @throws {UsageError} for limits that only a guest can keep which counts its steps, where it does not */
  limited<T extends object>(exports: T, limits: CallLimits): T {
    const { limiting, counts } = this.#shared;
    const limited = limiting.limitedExports(exports, limits, (call, own) => limiting.limitedBy(own, call));
    const counted = (["cpuMs", "fuel"] as const).find((name) => limits[name] !== undefined);
    if (counted !== undefined && !counts)
      throw new UsageError(
        `To limit calls by ${counted}, load ${this.name} with limits.${counted}, which may be Infinity`,
      );
    return limited;
  }

  end({ endReason }: EndOptions = {}): Promise<EndReceipt> {
    return (this.#ended ??= this.#end(endReason));
  }

  async #end(endReason: string | undefined): Promise<EndReceipt> {
    const { memoryBytes } = this.usage();
    const memories = this.#lives.members.reduce((sum, member) => sum + member.memories, 0);
    this.state = "unloaded";
    this.#endReason = endReason ?? this.#endReason;
    const error = cutShort(this.name, this.#endReason, this.trap);
    this.#rejectAll(() => error);
    const { disposed, cut, errors } = await this.#lives.end(error);
    const report: CollectionReport = {
      reclaimed: true,
      memories,
      pending: 0,
      waitedMs: 0,
      asked: false,
      holders: [],
    };
    return {
      memoryBytes,
      hostResourcesDisposed: disposed,
      guestResourcesCut: cut,
      errors,
      collected: async () => report,
    };
  }

  /** What a constructor of the guest's gives. */
  #construct(number: number, args: readonly unknown[]): unknown {
    const { surface, sync, name, faults } = this.#shared;
    const index = constructorOf(surface, number);
    if (index !== undefined) return this.#call(index, args);
    const error = faults.noConstructor(surface.resources[number]!.name, name);
    if (sync) throw error;
    return Promise.reject(error);
  }

  #call(index: number, args: readonly unknown[], only?: Member): unknown {
    const { limiting, sync } = this.#shared;
    const limits = limiting.takeCallLimits();
    const { signal } = limits ?? {};
    if (!sync) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) throw signal.reason;
        const call = this.#made(index, args, { only, limits }, { resolve, reject });
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
    this.#lowered(call, args, () => member.runSync(call));
    if ("error" in outcome!) throw outcome.error;
    return (outcome as unknown as { readonly value: unknown }).value;
  }

  /** Sends arguments, or says by their types which of them cannot be sent. */
  #lowered<T>(call: Call, args: readonly unknown[], send: () => T): T {
    try {
      return send();
    } catch (error) {
      throw this.#refused(call, this.#unlowered(call.index, args, error));
    }
  }

  #wait(call: Call, args: readonly unknown[]): void {
    const { queue, name } = this.#plan;
    if (this.#waiting.length >= queue) {
      const message = `Cannot call export "${this.#path(call.index)}" of "${name}": ${queue} calls wait already, and no worker is free`;
      this.#reject(call, new TenonError("queue-full", message));
      return;
    }
    // Arrays of numbers are still the program's, which may write to them while the call waits.
    call.args = this.#lowered(call, args, () => cloned(call.args));
    this.#waiting.push(call);
  }

  /**
   * A worker that is free for the call.
   * @throws {TrapError} when the call comes from an import that every worker which could take it waits for
   */
  #pick(call: Call): Member | undefined {
    const { members } = this.#lives;
    const able = call.member === undefined ? members : [call.member];
    const free = able.find((member) => member.free);
    if (free !== undefined) return free;
    // A worker that waits for an import which waits for a call that waits for a worker, all of them: none would come back.
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

  #rejectAll(error: (call: Call) => Error): void {
    for (const call of this.#waiting.splice(0)) this.#reject(call, error(call));
  }

  /** A worker is free: it takes the first call that it can. */
  #next(member: Member): void {
    const waiting = this.#waiting;
    while (member.free && waiting.length > 0) {
      const at = waiting.findIndex((call) => call.member === undefined || call.member === member);
      if (at < 0) return;
      member.run(waiting.splice(at, 1)[0]!);
    }
  }

  /** No worker is left that could serve. */
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
    const { params } = this.#shared.surface.exports[index]!.type;
    const passed: Passed[] = [];
    let member = only;
    const pass = (handle: HandleType, value: unknown): number => {
      const found = this.#pass(handle, value, member);
      member = found.member ?? member;
      return passed.push({ handle, value: value as object, number: found.number }) - 1;
    };
    try {
      const copies = params.map(({ type }, i) => {
        const convert = copying(type);
        return convert === undefined ? args[i] : convert(args[i], pass);
      });
      const { here: from } = this.#shared.trail;
      return this.#watched({ index, args: copies, passed, member, from, limits, ...settle });
    } catch (error) {
      giveBackAll({ passed });
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
    const at = this.#waiting.indexOf(call);
    for (const member of this.#lives.members) member.stop(call);
    // What waits has not begun: the module serves on.
    if (at >= 0) this.#reject(this.#waiting.splice(at, 1)[0]!, call.limits!.signal!.reason as Error);
  });

  /** @throws {Error} when a value is no resource of this module that could be passed */
  #pass(
    handle: HandleType,
    value: unknown,
    member: Member | undefined,
  ): { readonly number: number | undefined; readonly member?: Member } {
    const { surface, members, linked } = this.#shared;
    const { number, origin } = surface.resource(handle);
    if (origin.kind === "host") {
      const made = linked.classes[number];
      if (typeof value !== "object" || value === null || (made !== undefined && !(value instanceof made)))
        throw new TypeError("Expected a resource");
      return { number: undefined };
    }
    const owner = members.get(value as object);
    if (owner === undefined || owner.state !== "live" || (member !== undefined && member !== owner))
      throw new TypeError("Expected a resource of this worker");
    const known = owner.owners[number]!;
    return { number: handle.kind === "own" ? takeRep(value, known) : repOf(value, known), member: owner };
  }

  /** What is wrong with the arguments, by their types. */
  #unlowered(index: number, args: readonly unknown[], error: unknown): LowerError {
    const { params } = this.#shared.surface.exports[index]!.type;
    const { faults } = this.#shared;
    const found = faults.mismatch(
      params.map(({ type }) => type),
      params.map((_, i) => args[i]),
      params.map(({ name }) => name),
      this.#explain,
    );
    return found === undefined ? faults.changed(this.#path(index), error) : faults.misfit(found);
  }

  readonly #explain: ExplainHandle = (type, value) => {
    const { surface, members, linked } = this.#shared;
    const { number, origin } = surface.resource(type);
    if (origin.kind === "host") {
      const made = linked.classes[number];
      const fits = typeof value === "object" && value !== null && (made === undefined || value instanceof made);
      return fits ? undefined : describe(value);
    }
    const owner = typeof value === "object" && value !== null ? members.get(value)?.owners[number] : undefined;
    if (owner !== undefined && isWrapper(value, owner, false)) return undefined;
    return explainWrapper(value, owner) ?? describe(value);
  };

  #path(index: number): string {
    return this.#shared.surface.exports[index]!.path.join("#");
  }

  /** A call that the state does not allow. */
  #refusal(state: number, index: number): Error {
    const { name, trap } = this;
    const about = { name, endReason: this.#endReason, trap: trap as TrapError | undefined };
    return this.#shared.faults.refusal(state, this.#path(index), about);
  }

  /** A call from an import, which no worker could take before the import has returned. */
  #insideImport(index: number): Error {
    const { name, faults } = this.#shared;
    const path = this.#path(index);
    const message = `Cannot call export "${path}" of "${name}": it is called from an import that the module's ${this.#plan.instances === 1 ? "worker waits" : "workers wait"} for; call it when the import has returned, or give the module more instances`;
    return faults.cannotEnter(message, { module: name, export: path }, undefined);
  }

  /** A call for a worker that has trapped, while others may serve. */
  #trapped(index: number, trap: Error): Error {
    const about = { name: this.name, endReason: "", trap: trap as TrapError };
    return this.#shared.faults.refusal(TRAPPED, this.#path(index), about);
  }
}

/** @throws {Error} when something cannot be sent */
function cloned<T>(value: T): T {
  return (globalThis as unknown as { structuredClone(value: T): T }).structuredClone(value);
}
