/** A function that waits: it asks for many prices at once, and goes on when the last has come or one is refused. */
import { err, ok, Result, Subtask, Task, Waitable } from "./bindings/prices";
import { priceAsync } from "./bindings/demo-prices-shop";

class Total extends Task<Result<u64, string>> {
  private asked: Subtask<Result<u32, string>>[] = [];
  private missing: i32;
  private sum: u64 = 0;

  constructor(things: string[]) {
    super();
    this.missing = things.length;
    for (let i = 0; i < things.length; i++) this.asked.push(priceAsync(things[i]));
  }

  /** Called when the task begins, and each time an answer has come. */
  resume(ended: Waitable | null): void {
    for (let i = 0; i < this.asked.length; i++) {
      if (ended !== this.asked[i]) continue;
      const price = this.asked[i].value;
      if (price.isErr) return this.refuse(price.error);
      this.sum += price.value;
      this.missing--;
    }
    if (this.missing == 0) this.resolve(ok<u64, string>(this.sum));
  }

  /** The answers still to come are of no use any more. */
  private refuse(reason: string): void {
    for (let i = 0; i < this.asked.length; i++) this.asked[i].cancel();
    this.resolve(err<u64, string>(reason));
  }
}

export function total(things: string[]): Task<Result<u64, string>> {
  return new Total(things);
}
