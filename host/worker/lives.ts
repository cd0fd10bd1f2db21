/**
 * The members of one pool: they begin together, one that traps is replaced while the others serve, and they end together.
 */
import { UnloadedError } from "../errors.ts";
import { withoutVersion } from "../model/ids.ts";
import type { EndOptions, EndReceipt } from "../runtime/engine.ts";
import type { Member } from "./call.ts";
import type { Surface } from "./surface.ts";

/** Attempts in a row to replace one, each after a wait twice as long as the last. */
const MOST_ATTEMPTS = 6;
const FIRST_WAIT_MS = 10;

interface Told {
  /** A member begins to serve in the place of another. */
  ready(member: Member): void;
  /** None is left, and none could be put in their place. */
  spent(trap: Error): void;
}

export class Lives {
  members: readonly Member[] = [];
  /** The last trap, while none serves. */
  trap: Error | undefined;
  readonly #count: number;
  readonly #make: () => Member;
  readonly #told: Told;
  #over = false;
  readonly #beginning = new Set<Member>();
  /** Those that were replaced and have not ended yet. */
  readonly #ending = new Set<Promise<void>>();
  /** What the ends of those that were replaced came to. */
  readonly #closed = { hostResourcesDisposed: 0, guestResourcesCut: 0, errors: [] as Error[] };

  constructor(count: number, make: () => Member, told: Told) {
    this.#count = count;
    this.#make = make;
    this.#told = told;
  }

  async start(): Promise<void> {
    this.members = Array.from({ length: this.#count }, () => this.#make());
    const started = await Promise.allSettled(this.members.map((member) => member.start()));
    for (const outcome of started) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** Puts a fresh one in the place of one that has trapped. */
  replace(member: Member, trap: Error): void {
    this.members = this.members.filter((it) => it !== member);
    if (this.members.length === 0) this.trap = trap;
    const ending = member.end(trap).then((receipt) => {
      this.#ending.delete(ending);
      if (receipt !== undefined) this.#add(receipt);
    });
    this.#ending.add(ending);
    void this.#begin(trap);
  }

  async #begin(trap: Error): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let attempt = 1; attempt <= MOST_ATTEMPTS && !this.#over; attempt++) {
      const fresh = this.#make();
      this.#beginning.add(fresh);
      try {
        await fresh.start();
        if (this.#over) return;
        this.members = [...this.members, fresh];
        this.trap = undefined;
        this.#told.ready(fresh);
        return;
      } catch {
        // What it is that fails is told by the trap of the last one that served.
        await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
        waitMs *= 2;
      } finally {
        this.#beginning.delete(fresh);
      }
    }
    if (!this.#over && this.members.length === 0 && this.#beginning.size === 0) this.#told.spent(trap);
  }

  #add({ hostResourcesDisposed, guestResourcesCut, errors }: EndReceipt): void {
    this.#closed.hostResourcesDisposed += hostResourcesDisposed;
    this.#closed.guestResourcesCut += guestResourcesCut;
    this.#closed.errors.push(...errors);
  }

  /** @returns the sum of all ends, and what is known of the memories of those that served until now */
  async end(error: Error, options: EndOptions): Promise<Ended> {
    this.#over = true;
    const all = [...this.members, ...this.#beginning].map((member) => member.end(error, options));
    const last = (await Promise.all(all)).filter((receipt) => receipt !== undefined);
    await Promise.all(this.#ending);
    for (const receipt of last) this.#add(receipt);
    return { ...this.#closed, collected: last.map(({ collected }) => collected) };
  }
}

type Ended = Omit<EndReceipt, "memoryBytes" | "collected"> & { readonly collected: readonly EndReceipt["collected"][] };

/** Interfaces of a module's life, whose functions are called in every member. */
const LIFE = new Set(["tenon:module/state", "tenon:module/teardown"]);

/** What each member saved, by what the first of them did: that is all that the module's life passes on. */
const states = new WeakMap<object, readonly unknown[]>();

/**
 * Calls the functions of a module's life, `tenon:module/state` and `teardown`, in every member: each saves a state of its own
 * and takes one back, and each is told before it ends.
 */
export function inEach(
  exports: object,
  { surface: { exports: funcs }, kind }: { readonly surface: Surface; readonly kind: string },
  members: () => readonly Member[],
  call: (index: number, args: readonly unknown[], member: Member) => unknown,
): void {
  funcs.forEach(({ path }, index) => {
    const [id, name] = path;
    const holder = (exports as Record<string, Record<string, unknown>>)[id!]!;
    if (name === undefined || !LIFE.has(withoutVersion(id!))) return;
    const last = name === "before-unload";
    const each = (args: (place: number) => readonly unknown[]): unknown => {
      const values = members().map((member, place) => {
        // It is at a call that is about to be cut short: it would never hear of its end.
        if (last && !member.free) return Promise.reject(busyAtEnd(path, kind));
        return call(index, args(place), member);
      });
      return values[0] instanceof Promise ? Promise.all(values).then(first) : first(values);
    };
    const key = last ? "beforeUnload" : name;
    holder[key] = (state: unknown): unknown => {
      const saved = states.get(Object(state) as object);
      return each((place) => (state === undefined ? [] : [saved?.[place % saved.length] ?? state]));
    };
  });
}

function busyAtEnd(path: readonly string[], kind: string): UnloadedError {
  return new UnloadedError(`Did not call ${path.join("#")}: the ${kind} is at a call, and is ended`);
}

function first(values: readonly unknown[]): unknown {
  const [value] = values;
  if (typeof value === "object" && value !== null) states.set(value, values);
  return value;
}
