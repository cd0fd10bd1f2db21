import { newStream, newFuture, Stream, StreamWriter, Future, FutureWriter, Task, Subtask, Waitable, Point } from "./bindings/streams";
import { numbersAsync, sinkAsync, word as getWord } from "./bindings/test-streams-src";
export function hello(): Stream<u8> { const out = newStream<u8>(); out.writeText("hello"); out.end(); return out.stream; }
class Shift extends Task<Stream<u8>> {
  private to: StreamWriter<u8> = newStream<u8>();
  constructor(private from: Stream<u8>) { super(); }
  resume(ended: Waitable | null): void {
    if (ended === null) { this.resolve(this.to.stream); this.from.read(); }
    else if (ended === this.from) {
      const bytes = this.from.bytes;
      for (let i = 0; i < bytes.length; i++) bytes[i]++;
      this.to.writeBytes(bytes);
    } else if (this.from.ended) this.to.close();
    else if (this.to.closed) this.from.close();
    else this.from.read();
  }
}
export function shift(from: Stream<u8>): Task<Stream<u8>> { return new Shift(from); }
class Sum extends Task<i64> {
  private total: i64 = 0;
  constructor(private from: Stream<i32>) { super(); this.from.read(4); }
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    const chunk = this.from.chunk;
    for (let i = 0; i < chunk.length; i++) this.total += chunk[i];
    if (this.from.ended) this.resolve(this.total); else this.from.read(4);
  }
}
export function sum(from: Stream<i32>): Task<i64> { return new Sum(from); }
export function points(n: u32): Stream<Point> {
  const out = newStream<Point>(); const all: Point[] = [];
  for (let i: u32 = 0; i < n; i++) all.push(new Point(<i32>i, <f64>i / 2, "p" + i.toString()));
  out.write(all); out.end(); return out.stream;
}
class Take extends Task<f64> {
  private total: f64 = 0;
  constructor(private from: Stream<Point>) { super(); }
  resume(ended: Waitable | null): void {
    if (ended !== null) {
      const chunk = this.from.chunk;
      for (let i = 0; i < chunk.length; i++) this.total += chunk[i].y + <f64>chunk[i].x + <f64>chunk[i].name.length;
      if (this.from.ended) return this.resolve(this.total);
    }
    this.from.read();
  }
}
export function takePoints(from: Stream<Point>): Task<f64> { return new Take(from); }
class Later extends Task<Future<u32>> {
  private out: FutureWriter<u32> = newFuture<u32>();
  constructor(private a: Future<u32>) { super(); }
  resume(ended: Waitable | null): void {
    if (ended === null) { this.resolve(this.out.future); this.a.read(); }
    else if (ended === this.a) this.out.write(this.a.value + 1);
  }
}
export function later(a: Future<u32>): Task<Future<u32>> { return new Later(a); }
class Drain extends Task<u32> {
  constructor(private from: Stream<u8>) { super(); }
  resume(ended: Waitable | null): void {
    if (ended === null) { this.from.read(3); return; }
    const n = this.from.bytes.length;
    this.from.close();
    this.resolve(n);
  }
}
export function drain(from: Stream<u8>): Task<u32> { return new Drain(from); }
class AddUp extends Task<u64> {
  private total: u64 = 0; private call: Subtask<Stream<u16>>; private from: Stream<u16> | null = null;
  constructor(n: u32) { super(); this.call = numbersAsync(n); }
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    if (ended === this.call) { this.from = this.call.value; this.from!.read(); return; }
    const from = this.from!;
    for (let i = 0; i < from.chunk.length; i++) this.total += from.chunk[i];
    if (from.ended) this.resolve(this.total); else from.read();
  }
}
export function addUp(n: u32): Task<u64> { return new AddUp(n); }
class Push extends Task<u32> {
  private call: Subtask<u32>;
  constructor(n: u32) { super(); const out = newStream<u8>(); this.call = sinkAsync(out.stream); out.writeBytes(new Uint8Array(n)); out.end(); }
  resume(ended: Waitable | null): void { if (ended === this.call) this.resolve(this.call.value); }
}
export function push(n: u32): Task<u32> { return new Push(n); }
class Word extends Task<i64> {
  private f: Future<i64> = getWord();
  resume(ended: Waitable | null): void { if (ended === null) this.f.read(); else this.resolve(this.f.value); }
}
export function word(): Task<i64> { return new Word(); }
