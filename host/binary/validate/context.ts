/**
 * What every part of validation shares: the place being validated, for messages, and the component's budget of work,
 * against hostile components whose types unfold to more than anybody can check.
 */
import type { Budget } from "../../budget.ts";
import { DecodeError } from "../../errors.ts";
import { Comparing } from "../../model/subtype.ts";

export class Context {
  offset = 0;
  section = "component";
  private readonly budget: Budget;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  /** Moves the place that errors name. */
  at(offset: number, section: string): void {
    this.offset = offset;
    this.section = section;
  }

  /** @throws {DecodeError} always */
  fail(message: string): never {
    throw new DecodeError(message, { offset: this.offset, section: this.section });
  }

  /** Counts work. @throws {DecodeError} when the budget is used up */
  readonly spend = (steps: number): void => {
    if (!this.budget.take(steps)) this.fail("The component's types are too complex to validate");
  };

  /** What all comparisons of types in the component share. */
  readonly comparing: Comparing = new Comparing(1, this.spend);

  /** The item at an index of an index space. @throws {DecodeError} when there is none */
  item<T>(space: readonly T[], index: number, what: string): T {
    const item = space[index];
    if (item === undefined) {
      this.fail(`The ${what} index ${index} is out of bounds: ${space.length} are defined before it`);
    }
    return item;
  }
}
