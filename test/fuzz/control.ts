/** Random control flow and nothing else: it need not end, and is not run. */

const FUNCTIONS = 6;
const DEPTH = 6;
const LENGTH = 4;

/** A module in text whose functions branch, turn, return and call each other, an import, a table and short functions. */
export function randomControl(random: () => number): string {
  const below = (count: number): number => Math.floor(random() * count);
  const label = (depth: number): number => below(depth + 1);
  const statement = (depth: number): string => {
    const nested = depth < DEPTH ? below(8) : 8;
    const body = (): string => Array.from({ length: 1 + below(LENGTH) }, () => statement(depth + 1)).join(" ");
    switch (nested) {
      case 0:
        return `(block ${body()})`;
      case 1:
      case 2:
        return `(loop ${body()} ${random() < 0.7 ? "(br_if 0 (local.get 0))" : ""})`;
      case 3:
        return `(if (local.get 0) (then ${body()}) ${random() < 0.6 ? `(else ${body()})` : ""})`;
      default:
    }
    switch (below(14)) {
      case 0:
        return `(br ${label(depth)})`;
      case 1:
      case 2:
      case 3:
        return `(br_if ${label(depth)} (local.get 0))`;
      case 4:
        return `(br_table ${label(depth)} ${label(depth)} ${label(depth)} (local.get 0))`;
      case 5:
        return random() < 0.5 ? "(return)" : "(unreachable)";
      case 6:
        return random() < 0.3 ? `(return_call $f${below(FUNCTIONS)} (local.get 0))` : "(call $import)";
      case 7:
        return "(call_indirect (i32.const 0))";
      case 8:
        return "(call $ending (local.get 0))";
      case 9:
      case 10:
        return `(call $f${below(FUNCTIONS)} (local.get 0))`;
      default:
        return "(call $leaf)";
    }
  };
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => {
    const body = Array.from({ length: 1 + below(LENGTH) }, () => statement(0)).join(" ");
    return `(func $f${i} (param i32) ${body})`;
  });
  return `(module (import "" "f" (func $import)) (table 1 funcref) (func $leaf)
    (func $ending (param i32) (if (local.get 0) (then (call $f0 (local.get 0)) (unreachable)))) ${functions.join(" ")})`;
}
