/**
 * Which calls come from an import that a worker waits for, also behind promises, where the platform can follow them: a call that
 * could only be answered after itself is refused, where it would wait for ever.
 */
import type { Store } from "./messages.ts";

/** An import that is being called. Code that goes on after the answer still leads here, and must hold nothing by it. */
export interface Inside {
  /** Whose guest waits for it; `undefined` when it has been answered. */
  member: object | undefined;
  /** Where the guest's own call came from. */
  outer: Inside | undefined;
}

export class Trail {
  readonly #store: Store | undefined;
  /** Imports that have not been answered. Following promises costs all of the program's, so it ends with the last of them. */
  #open = 0;

  constructor(store: Store | undefined) {
    this.#store = store;
  }

  /** The import that this code is called from. */
  get here(): Inside | undefined {
    return this.#store?.getStore() as Inside | undefined;
  }

  /** Calls an import. @returns what is to be called when it has been answered, or nobody waits for it any more */
  inside(member: object, outer: Inside | undefined, call: (answered: () => void) => void): () => void {
    const store = this.#store;
    const inside: Inside = { member, outer };
    const answered = (): void => {
      if (inside.member === undefined) return;
      inside.member = undefined;
      inside.outer = undefined;
      if (--this.#open === 0) store?.disable();
    };
    this.#open++;
    if (store === undefined) call(answered);
    else store.run(inside, () => call(answered));
    return answered;
  }
}

/** Whether a worker waits for an import that a call comes from. */
export function comesFrom(call: { readonly from: Inside | undefined }, member: object): boolean {
  for (let at = call.from; at !== undefined; at = at.outer) if (at.member === member) return true;
  return false;
}
