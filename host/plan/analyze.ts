/**
 * bytes → definition → resolved types → plan: the one way there, with one budget of work all along.
 */
import { decodeComponent } from "../binary/decode.ts";
import type { ComponentDefinition } from "../binary/definition.ts";
import { validateComponent, type ValidatedComponent } from "../binary/validate/index.ts";
import { Budget } from "../budget.ts";
import type { Plan } from "./plan.ts";
import { planComponent } from "./planner.ts";

/** What the bytes of a component say. */
export interface Analysis {
  readonly definition: ComponentDefinition;
  readonly plan: Plan;
  /** What is left for the generation of text. */
  readonly budget: Budget;
}

/**
 * Decodes and validates a component.
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when they use a feature-gated construct the host lacks
 */
export function readComponent(bytes: Uint8Array, budget: Budget = new Budget(bytes.length)): ValidatedComponent {
  return validateComponent(decodeComponent(bytes), budget);
}

/**
 * Decodes, validates and plans a component.
 * @throws {DecodeError} when the bytes are not a valid component
 * @throws {UnsupportedError} when it needs a feature this host lacks
 */
export function analyze(bytes: Uint8Array): Analysis {
  const budget = new Budget(bytes.length);
  const component = readComponent(bytes, budget);
  return { definition: component.definition, plan: planComponent(component, budget), budget };
}
