/** Functions that wait: both ask for many prices at once; one gives their sum, the other a stream of what comes in. */
import { err, newStream, ok, Result, Stream, StreamWriter, Subtask, Task, Waitable } from "./bindings/prices";
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

class Receipt extends Task<Stream<u8>> {
  private out: StreamWriter<u8> = newStream<u8>();
  private asked: Subtask<Result<u32, string>>[] = [];
  private lines: string[] = [];
  private missing: i32;

  constructor(private things: string[]) {
    super();
    this.missing = things.length;
    for (let i = 0; i < things.length; i++) this.asked.push(priceAsync(things[i]));
  }

  resume(ended: Waitable | null): void {
    // The caller has the stream at once, and reads while this goes on.
    if (ended === null) this.resolve(this.out.stream);
    for (let i = 0; i < this.asked.length; i++) {
      if (ended !== this.asked[i]) continue;
      const price = this.asked[i].value;
      this.lines.push(`${this.things[i]}: ${price.isOk ? price.value.toString() : price.error}\n`);
      this.missing--;
    }
    if (this.out.closed) {
      // Nobody reads any more.
      for (let i = 0; i < this.asked.length; i++) this.asked[i].cancel();
    } else if (!this.out.busy) {
      if (this.lines.length > 0) this.out.writeText(this.lines.shift());
      else if (this.missing == 0) this.out.close();
    }
  }
}

export function receipt(things: string[]): Task<Stream<u8>> {
  return new Receipt(things);
}
