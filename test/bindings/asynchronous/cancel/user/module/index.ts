import { Subtask, Task, tickAsync, Unit, waitAsync, Waitable } from "./bindings/user";

let count: u32 = 0;

/** Gives up after a while, and says how that stands. */
class Ask extends Task<string> {
  private timer: Subtask<Unit> = tickAsync();
  private call: Subtask<u32>;
  constructor(n: u32) {
    super();
    this.call = waitAsync(n);
  }
  resume(ended: Waitable | null): void {
    assert(ended !== this.call, "Of what was given up nobody is told");
    if (ended !== this.timer) return;
    this.call.cancel();
    this.call.cancel();
    this.resolve(`busy ${this.call.busy} done ${this.call.done} cancelled ${this.call.cancelled}`);
  }
}
export function ask(n: u32): Task<string> {
  return new Ask(n);
}

class Hold extends Task<u32> {
  private call: Subtask<u32>;
  constructor(n: u32) {
    super();
    this.call = waitAsync(n);
  }
  resume(ended: Waitable | null): void {
    if (ended === this.call) this.resolve(this.call.value);
  }
  cancel(): void {
    assert(!this.call.busy, "What it has begun ends first");
    count++;
    super.cancel();
  }
}
export function hold(n: u32): Task<u32> {
  return new Hold(n);
}
export function cancelled(): u32 {
  return count;
}
