/** `wasi:io/poll`. */
import type { Faces, WasiState } from "../state.ts";
import type { Readiness, Waiting } from "../waiting.ts";
import { WasiTrap } from "./error.ts";

/** The resource `pollable`. */
export class Pollable {
  readonly #waiting: Waiting;
  /** @internal */
  readonly readiness: Readiness;

  constructor(waiting: Waiting, readiness: Readiness) {
    this.#waiting = waiting;
    this.readiness = readiness;
  }

  ready(): boolean {
    return this.readiness.ready();
  }

  block(): undefined | Promise<void> {
    return this.#waiting.until("wasi:io/poll#[method]pollable.block", [this.readiness]);
  }
}

export const pollFaces: Faces = {
  "wasi:io/poll": ({ waiting }: WasiState) => ({
    Pollable,
    poll(list: readonly Pollable[]): readonly number[] | Promise<readonly number[]> {
      if (list.length === 0) throw new WasiTrap("Expected at least one pollable to poll, got none");
      const all = list.map(({ readiness }) => readiness);
      const ready = (): number[] => all.flatMap((it, index) => (it.ready() ? index : []));
      const wait = waiting.until("wasi:io/poll#poll", all);
      return wait === undefined ? ready() : wait.then(ready);
    },
  }),
};
