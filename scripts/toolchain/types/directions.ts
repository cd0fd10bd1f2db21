/**
 * Which way the values of a type go: from the host into the component, out of it, or both.
 *
 * The host may write more freely than it reads: what it gives may be read-only, flags that are not set may be left out, and
 * whatever has the elements of a stream or the value of a future may stand for it. A type that is written and read alike is
 * declared once; one that is not, and goes both ways, twice.
 */
import { typedArrayOf } from "../../../host/abi/emit/numbers.ts";
import { partsOf } from "../../../host/model/cases.ts";
import { identityOf, isNominal } from "../../../host/model/nominal.ts";
import type { ExternDecl, FuncType, ValueType } from "../../../host/model/types.ts";

export class Directions {
  private readonly given = new Set<object>();
  private readonly received = new Set<object>();
  private readonly freer = new Map<object, boolean>();
  private readonly spend: (amount: number) => void;

  /** @param spend counts the types that are looked at */
  constructor(spend: (amount: number) => void) {
    this.spend = spend;
  }

  /** Looks at the functions of one side of a world; `exported`: the host calls them. */
  add(items: readonly ExternDecl[], exported: boolean): void {
    for (const { type } of items) {
      if (type.kind === "instance") this.add(type.exports, exported);
      else if (type.kind === "func") this.addFunc(type, exported);
    }
  }

  /** Whether only the host gives values of the type. */
  isOnlyGiven(type: ValueType): boolean {
    const key = keyOf(type);
    return this.given.has(key) && !this.received.has(key);
  }

  /** Whether values go both ways, and the host may write them otherwise than it reads them. */
  isTwofold(type: ValueType): boolean {
    const key = keyOf(type);
    return this.given.has(key) && this.received.has(key) && this.isFreer(type);
  }

  private addFunc({ params, result }: FuncType, exported: boolean): void {
    for (const { type } of params) this.mark(type, exported ? this.given : this.received);
    if (result !== undefined) this.mark(result, exported ? this.received : this.given);
  }

  private mark(type: ValueType, seen: Set<object>): void {
    const key = keyOf(type);
    if (seen.has(key)) return;
    seen.add(key);
    this.spend(4);
    for (const part of partsOf(type)) if (part !== undefined) this.mark(part, seen);
  }

  private isFreer(type: ValueType): boolean {
    const key = keyOf(type);
    let freer = this.freer.get(key);
    if (freer === undefined) {
      const itself =
        (type.kind === "list" && typedArrayOf(type.element) === undefined) ||
        type.kind === "tuple" ||
        type.kind === "map" ||
        type.kind === "flags" ||
        type.kind === "stream" ||
        type.kind === "future";
      freer = itself || partsOf(type).some((part) => part !== undefined && this.isFreer(part));
      this.freer.set(key, freer);
    }
    return freer;
  }
}

/** Names for one record, variant or set of flags share this. */
function keyOf(type: ValueType): object {
  return isNominal(type) ? identityOf(type) : type;
}
