import { err, ok, resolved, Result, Subtask, Task, Tuple12, Unit, Waitable } from "./bindings/calls";
import { Conn, double, doubleAsync, getAsync, manyAsync, Page, tickAsync } from "./bindings/test-calls-net";

let cancels: u32 = 0;

class Add extends Task<u32> {
  constructor(
    private a: Subtask<u32>,
    private b: Subtask<u32>,
  ) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (this.a.done && this.b.done) this.resolve(this.a.value + this.b.value);
  }
  cancelled(): void {
    cancels++;
    super.cancelled();
  }
}

export function addDoubles(a: u32, b: u32): Task<u32> {
  return a == 0 ? resolved<u32>(b * 2) : new Add(doubleAsync(a), doubleAsync(b));
}

class Race extends Task<u32> {
  constructor(
    private a: Subtask<u32>,
    private b: Subtask<u32>,
  ) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    const other = ended === this.a ? this.b : this.a;
    other.cancel();
    const first = ended === this.a ? this.a : this.b;
    this.resolve(first.value + (other.cancelled ? 1000 : 0));
  }
}

export function race(a: u32, b: u32): Task<u32> {
  return new Race(doubleAsync(a), doubleAsync(b));
}

export class Job {
  constructor(private name: string) {}
  run(n: u32): string {
    return this.name + n.toString();
  }
  go(): void {
    this.name += "!";
  }
  sum(a: u32, b: u32): Task<u32> {
    return new Add(doubleAsync(a), doubleAsync(b));
  }
  static make(n: u32): Job {
    return new Job("made" + n.toString());
  }
}

export function divide(a: u32, b: u32): Result<u32, string> {
  return b == 0 ? err<u32, string>("Division by zero") : ok<u32, string>(a / b);
}

type Long = Tuple12<u8, u16, u32, u64, f32, f64, string, string, string, string, string, string>;
export function long(): Long {
  return new Tuple12<u8, u16, u32, u64, f32, f64, string, string, string, string, string, string>(
    1, 2, 3, 4, 5, 6, "a", "b", "c", "d", "e", "f",
  );
}

export function noResult(n: u32): void {}

class Turns extends Task<Unit> {
  constructor(private left: u32) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (this.left-- == 0) this.resolve();
    else this.yield_();
  }
}

export function turns(n: u32): Task<Unit> {
  return new Turns(n);
}

class Both extends Task<string> {
  private a: Subtask<string>;
  private b: Subtask<string>;
  constructor(a: string, b: string) {
    super();
    this.a = getAsync(a);
    this.b = getAsync(b);
  }
  resume(ended: Waitable | null): void {
    if (this.a.done && this.b.done) this.resolve(this.a.value + "|" + this.b.value);
  }
}

export function both(a: string, b: string): Task<string> {
  return new Both(a, b);
}

/** Any number of calls at once. */
class Fetch extends Task<string[]> {
  private calls: Subtask<string>[] = [];
  constructor(urls: string[]) {
    super();
    for (let i = 0; i < urls.length; i++) this.calls.push(getAsync(urls[i]));
  }
  resume(ended: Waitable | null): void {
    const pages: string[] = [];
    for (let i = 0; i < this.calls.length; i++) {
      if (!this.calls[i].done) return;
      pages.push(this.calls[i].value);
    }
    this.resolve(pages);
  }
}

export function fetch(urls: string[]): Task<string[]> {
  return new Fetch(urls);
}

class AskMany extends Task<string> {
  constructor(private call: Subtask<Page>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (this.call.done) this.resolve(this.call.value.status.toString() + this.call.value.body);
  }
}

export function askMany(n: u32): Task<string> {
  return new AskMany(manyAsync(n, "b", ["c", "d"], 5, 6));
}

class Send extends Task<u32> {
  private conn: Conn;
  private sent: Subtask<u32>;
  constructor(length: u32) {
    super();
    const conn = new Conn(80);
    this.sent = conn.sendAsync(new Uint8Array(length));
    this.conn = conn;
  }
  resume(ended: Waitable | null): void {
    if (!this.sent.done) return;
    this.conn.dispose();
    this.resolve(this.sent.value);
  }
}

export function send(length: u32): Task<u32> {
  return new Send(length);
}

/** One after the other. */
class Ticks extends Task<u32> {
  private count: u32 = 0;
  constructor(private wanted: u32) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) this.count++;
    if (this.count == this.wanted) this.resolve(this.count);
    else tickAsync();
  }
}

export function ticks(n: u32): Task<u32> {
  return new Ticks(n);
}

export function blocking(n: u32): u32 {
  return double(n) + double(n + 1);
}

export function seen(): u32 {
  return cancels;
}

class Stuck extends Task<u32> {
  resume(ended: Waitable | null): void {}
}

export function stuck(): Task<u32> {
  return new Stuck();
}

export function later(n: u64): u64 {
  return n * 2;
}
