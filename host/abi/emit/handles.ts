/**
 * The handle operations, by their names in design/mvp/CanonicalABI.md: "Lifting" and "Lowering" of `own` and `borrow`, and of
 * what belongs to tasks. Each gives an expression.
 *
 * Between guests a resource is its representation. The host's side of it is an object: one of its own, which a number
 * stands for in the guest (`o`), or a wrapper of a number that the implementing guest chose.
 */
import type { HandleType, ValueType } from "../../model/types.ts";
import type { Crossing } from "./context.ts";

/** `lift_own`: the handle at `index` leaves the guest's table. */
export function liftOwn({ emitter, context }: Crossing, type: HandleType, index: string): string {
  const resource = emitter.types.resource(type.resource);
  const rep = `i${context.component}.handles.takeOwn(${index}, ${resource})`;
  if (context.peer === "guest") return rep;
  return emitter.isHosts(resource) ? `o${resource}.give(${rep})` : `rt.wrap(${resource}, ${rep})`;
}

/** `lift_borrow`: the handle at `index` stays, and cannot be given away before the call has ended (`b` counts it). */
export function liftBorrow({ emitter, context }: Crossing, type: HandleType, index: string): string {
  const resource = emitter.types.resource(type.resource);
  const rep = `b.add(i${context.component}.handles.get(${index}, ${resource}))`;
  if (context.peer === "guest") return rep;
  // Imports are declared before there is a guest's resource that they could borrow.
  if (!emitter.isHosts(resource)) throw new Error("tenon bug: a guest lends the host a resource of its own");
  return `o${resource}.get(${rep})`;
}

/** `lower_own`: a new handle in the guest's table, for what `v` was until now. */
export function lowerOwn({ emitter, context }: Crossing, type: HandleType, v: string): string {
  const resource = emitter.types.resource(type.resource);
  return `i${context.component}.handles.add(${resource}, ${repOf()}, true, undefined)`;

  function repOf(): string {
    if (context.peer === "guest") return v;
    return emitter.isHosts(resource) ? `o${resource}.add(${v})` : `rt.take(${resource}, ${v})`;
  }
}

/** `lower_borrow`: a handle for the length of the call (`b` counts it), or the representation for who implements it. */
export function lowerBorrow({ emitter, context }: Crossing, type: HandleType, v: string): string {
  const resource = emitter.types.resource(type.resource);
  const { origin } = emitter.resources[resource]!;
  if (origin.kind === "guest" && origin.component === context.component) return repOf();
  return `i${context.component}.handles.add(${resource}, ${repOf()}, false, b)`;

  function repOf(): string {
    if (context.peer === "guest") return v;
    return emitter.isHosts(resource) ? `b.keep(o${resource}, ${v})` : `rt.rep(${resource}, ${v})`;
  }
}

/** `lift_stream`, `lift_future`, `lift_error_context`: objects of abi/async know how. */
export function liftPassed({ emitter, context }: Crossing, type: ValueType, index: string): string {
  return `${emitter.passing(type)}.${context.peer === "host" ? "give" : "lift"}(q${context.component}, ${index})`;
}

/** `lower_stream`, `lower_future`, `lower_error_context` */
export function lowerPassed({ emitter, context }: Crossing, type: ValueType, v: string): string {
  return `${emitter.passing(type)}.${context.peer === "host" ? "take" : "lower"}(q${context.component}, ${v})`;
}
