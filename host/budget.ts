/**
 * How much the bytes of one component may ask for: work and things made, in proportion to their number.
 *
 * Types and components may be shared in a binary and unfold when they are used, so a few bytes can name more than any
 * machine holds. One budget goes with a component through validation, planning and the generation of text; what is
 * within it takes a second or so for a megabyte, and honest components use a small part. The ceilings are those of
 * wasmtime where it has one.
 */
import { UnsupportedError } from "./errors.ts";

/** Steps for a component of no bytes, and for each byte more. A step is a definition, a type or a line looked at once. */
const workAtLeast = 1_000_000;
const workPerByte = 2;

/** What a plan may hold: functions, resource types, exports, instantiations. */
const partsAtLeast = 25_000;
const partsPerByte = 0.02;

/** Component instances, nested ones included, that one instantiation may make. */
const maxInstances = 10_000;

export class Budget {
  /** Steps so far. */
  spent = 0;
  /** Parts of plans so far. */
  parts = 0;
  private readonly byteLength: number;
  private instances = 0;

  /** @param byteLength of the component */
  constructor(byteLength: number) {
    this.byteLength = byteLength;
  }

  /** Counts steps. @returns whether there were enough of them, for callers whose own error says where they went */
  take(steps: number): boolean {
    this.spent += steps;
    return this.spent <= workAtLeast + workPerByte * this.byteLength;
  }

  /** Counts steps. @throws {UnsupportedError} when there were not enough; `what` completes "too complex to" */
  spend(steps: number, what: string): void {
    if (!this.take(steps)) throw this.refuse(`is too complex to ${what}`);
  }

  /** Counts parts of a plan. @throws {UnsupportedError} when there are too many */
  part(count = 1): void {
    this.parts += count;
    if (this.parts > partsAtLeast + partsPerByte * this.byteLength) {
      throw this.refuse("unfolds to too many functions, resource types and exports");
    }
  }

  /** Counts a component instance. @throws {UnsupportedError} when there are too many */
  instance(): void {
    if (++this.instances > maxInstances) throw this.refuse(`makes more than ${maxInstances} component instances`);
  }

  private refuse(why: string): UnsupportedError {
    return new UnsupportedError("complexity", `This component of ${this.byteLength} bytes ${why}`);
  }
}
