/**
 * The workers of one instance: they begin together, one that traps is replaced while the others serve, and they end together.
 */
import { UnloadedError } from "../errors.ts";
import { withoutVersion } from "../model/ids.ts";
import type { Member } from "./member.ts";
import type { Surface } from "./surface.ts";

/** Attempts in a row to replace one, each after a wait twice as long as the last. */
const MOST_ATTEMPTS = 6;
const FIRST_WAIT_MS = 10;

interface Told {
  /** A worker begins to serve in the place of another. */
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
  /** The ends of those that were replaced, and what they came to. */
  readonly #ends: Promise<Ended>[] = [];

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
    this.#ends.push(member.end(trap));
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

  async end(error: Error): Promise<Ended> {
    this.#over = true;
    const all = [...this.members, ...this.#beginning].map((member) => member.end(error));
    const sum = { disposed: 0, cut: 0, errors: [] as Error[] };
    for (const { disposed, cut, errors } of await Promise.all([...this.#ends, ...all])) {
      sum.disposed += disposed;
      sum.cut += cut;
      sum.errors.push(...errors);
    }
    return sum;
  }
}

interface Ended {
  readonly disposed: number;
  readonly cut: number;
  readonly errors: readonly Error[];
}

/** Interfaces of a module's life, whose functions are called in every worker. */
const LIFE = new Set(["tenon:module/state", "tenon:module/teardown"]);

/** What each worker saved, by what the first of them did: that is all that the module's life passes on. */
const states = new WeakMap<object, readonly unknown[]>();

/**
 * Calls the functions of a module's life, `tenon:module/state` and `teardown`, in every worker: each saves a state of its own
 * and takes one back, and each is told before it ends.
 */
export function inEach(
  exports: object,
  { exports: funcs }: Surface,
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
        if (last && member.busy) return Promise.reject(busyAtEnd(path));
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

function busyAtEnd(path: readonly string[]): UnloadedError {
  return new UnloadedError(`Did not call ${path.join("#")}: the worker is at a call, and is ended`);
}

function first(values: readonly unknown[]): unknown {
  const [value] = values;
  if (typeof value === "object" && value !== null) states.set(value, values);
  return value;
}
