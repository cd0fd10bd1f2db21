/** How arguments get to instances in workers: as copies, in which resources are numbers. */
import { explainWrapper, isWrapper, repOf, takeRep } from "../abi/guest-resource.ts";
import type { ExplainHandle } from "../abi/explain.ts";
import { copying, type HandleType } from "../runtime/copies.ts";
import { describe } from "../words.ts";
import type { Given, Member, Passed, Passing } from "./call.ts";
import { giveBackAll } from "./host-imports.ts";
import type { Func } from "./surface.ts";
import type { Shared } from "./worker-member.ts";

export class Sending implements Passing {
  readonly #shared: Pick<Shared, "surface" | "members" | "linked">;

  constructor(shared: Pick<Shared, "surface" | "members" | "linked">) {
    this.#shared = shared;
  }

  give({ type: { params } }: Func, args: readonly unknown[], only: Member | undefined): Given {
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
      return { args: copies, passed, member };
    } catch (error) {
      giveBackAll({ passed });
      throw error;
    }
  }

  keep(_: Func, args: readonly unknown[]): readonly unknown[] {
    return (globalThis as unknown as { structuredClone<T>(value: T): T }).structuredClone(args);
  }

  readonly explain: ExplainHandle = (type, value) => {
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
