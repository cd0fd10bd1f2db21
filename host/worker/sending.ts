/** How arguments get to instances in workers: as copies, in which resources, streams and futures are numbers. */
import { explainWrapper, isWrapper, repOf, takeRep } from "../abi/guest-resource.ts";
import { explain, type ExplainHandle } from "../abi/explain.ts";
import { type ChannelType, copying, type HandleType, isChannel } from "../runtime/copies.ts";
import { describe } from "../words.ts";
import type { Given, Member, Passed, Passing } from "./call.ts";
import { giveBackAll } from "./host-imports.ts";
import { type Func, passesChannels } from "./surface.ts";
import type { Shared } from "./worker-member.ts";

type Sent = Pick<Shared, "surface" | "members" | "linked" | "bridge">;

/** Those of instances in this thread count upwards. */
let checks = 0;

export class Sending implements Passing {
  readonly #shared: Sent;
  /** Which call is looked at: a stream is passed in it once. */
  #check = 0;
  /** Functions that pass streams or futures. */
  readonly #channels: ReadonlySet<Func>;

  constructor(shared: Sent) {
    this.#shared = shared;
    const { bridge } = shared;
    this.#channels = new Set(shared.surface.exports.filter(({ type }) => passesChannels(type)));
    if (bridge !== undefined) {
      const look = { beginCheck: (): number => this.#check, endCheck: (): void => {} };
      this.#explain.channel = bridge.channelExplainer(this.#explain, look);
    }
  }

  give(func: Func, args: readonly unknown[], only: Member | undefined): Given {
    const { params } = func.type;
    // The worker closes sources of a call that it refuses: what can be told is told before any is sent.
    if (this.#channels.has(func)) {
      const handle = this.explain;
      for (const [i, { name, type }] of params.entries())
        if (explain(type, args[i], name, handle) !== undefined) throw new TypeError("Expected others");
    }
    const passed: Passed[] = [];
    let member = only;
    const pass = (handle: HandleType | ChannelType, value: unknown): number => {
      if (isChannel(handle)) return passed.push({ handle, value, number: undefined }) - 1;
      const found = this.#pass(handle, value, member);
      member = found.member ?? member;
      return passed.push({ handle, value: value as object, number: found.number }) - 1;
    };
    try {
      const copies = params.map(({ type }, i) => {
        const convert = copying(type);
        return convert === undefined ? args[i] : convert(args[i], pass);
      });
      return { args: copies, passed, member };
    } catch (error) {
      giveBackAll({ passed });
      throw error;
    }
  }

  keep(_: Func, args: readonly unknown[]): readonly unknown[] {
    return (globalThis as unknown as { structuredClone<T>(value: T): T }).structuredClone(args);
  }

  /** For one look at the arguments of a call. */
  get explain(): ExplainHandle {
    this.#check = --checks;
    return this.#explain;
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
}
