/** Written line by line: each call, read and write waits for its end. */
import { newFuture, newStream, Stream, StreamWriter, Subtask, Task, Waitable } from "./bindings/blocking";
import { Conn, get, getAsync, sinkAsync, tellAsync, word } from "./bindings/test-blocking-net";

export function oneByOne(urls: string[]): string {
  let all = "";
  for (let i = 0; i < urls.length; i++) all += get(urls[i]);
  return all;
}

export function together(urls: string[]): string {
  const calls: Subtask<string>[] = [];
  for (let i = 0; i < urls.length; i++) calls.push(getAsync(urls[i]));
  let all = "";
  for (let i = calls.length - 1; i >= 0; i--) all += calls[i].wait();
  return all;
}

export function count(from: Stream<string>): u32 {
  let length = 0;
  while (from.next(2)) {
    assert(from.count <= 2);
    for (let i = 0; i < from.chunk.length; i++) length += from.chunk[i].length;
  }
  assert(!from.next() && from.ended && from.chunk.length == 0);
  return length;
}

export function lines(): string[] {
  const conn = new Conn(80);
  const lines = conn.lines();
  const all: string[] = [];
  while (lines.next()) all.push(lines.chunk.join("+"));
  conn.dispose();
  return all;
}

export function send(text: string): string {
  const out = newStream<u8>();
  const call = sinkAsync(out.stream);
  out.writeText(text);
  const first = out.wait();
  out.writeText("more");
  const second = out.wait();
  const sent = out.count;
  out.close();
  return `${first} ${second} ${sent} ${call.wait()}`;
}

export function words(): string {
  const slow = word(20);
  const quick = word(0);
  slow.read();
  return `${quick.wait()} ${slow.wait()} ${slow.wait()}`;
}

export function tell(n: u32): u32 {
  const out = newFuture<u32>();
  const call = tellAsync(out.future);
  out.write(n);
  const read = out.wait();
  return call.wait() + (read ? 1000 : 0);
}

class Mixed extends Task<Stream<u8>> {
  private out: StreamWriter<u8> = newStream<u8>();
  constructor(private a: string) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) return;
    this.resolve(this.out.stream);
    this.out.writeText(get(this.a));
    this.out.wait();
    this.out.writeText(getAsync("last").wait());
    this.out.wait();
    this.out.close();
  }
}

export function mixed(a: string): Task<Stream<u8>> {
  return new Mixed(a);
}
