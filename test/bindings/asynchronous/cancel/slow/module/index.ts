import { foreverAsync, Subtask, Task, tidyAsync, Unit, Waitable } from "./bindings/slow";

let count: u32 = 0;

class Wait extends Task<u32> {
  private call: Subtask<Unit> = foreverAsync();
  private tidying: Subtask<Unit> | null = null;
  constructor(private n: u32) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null || ended !== this.tidying) return;
    count++;
    if (this.n == 0) this.cancel();
    else this.resolve(this.n);
  }
  cancelled(): void {
    this.call.cancel();
    this.tidying = tidyAsync();
  }
}

export function wait(n: u32): Task<u32> {
  return new Wait(n);
}
export function tidied(): u32 {
  return count;
}
