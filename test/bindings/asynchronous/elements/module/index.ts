import {
  Both,
  Color,
  ErrorContext,
  err,
  Future,
  FutureWriter,
  Marks,
  newFuture,
  newStream,
  newStreamOfColor,
  newStreamOfMarks,
  newStreamOfS32,
  ok,
  pairsAsync,
  Point,
  resolved,
  Result,
  Shape,
  Source,
  Stream,
  StreamWriter,
  Subtask,
  Task,
  Tuple2,
  Unit,
  Waitable,
} from "./bindings/elements";
import { explainAsync, keepAsync, Thing } from "./bindings/test-elements-src";

/** Hands on what comes, two at a time. */
class Echo<T> extends Task<Stream<T>> {
  constructor(
    protected from: Stream<T>,
    protected to: StreamWriter<T>,
  ) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.to.stream);
      this.from.read(2);
    } else if (ended === this.from && this.from.count > 0) this.hand();
    else if (this.from.ended) this.to.close();
    else this.from.read(2);
  }
  hand(): void {
    this.to.write(this.from.chunk);
  }
}

class EchoUnits extends Task<Stream<Unit>> {
  private to: StreamWriter<Unit> = newStream<Unit>();
  constructor(private from: Stream<Unit>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.to.stream);
      this.from.read();
    } else if (ended === this.from && this.from.count > 0) this.to.writeUnits(this.from.count);
    else if (this.from.ended) this.to.close();
    else this.from.read();
  }
}

function echo<T>(from: Stream<T>): Task<Stream<T>> {
  return new Echo<T>(from, newStream<T>());
}

export function strings(s: Stream<string>): Task<Stream<string>> {
  return echo<string>(s);
}
export function lists(s: Stream<u16[]>): Task<Stream<u16[]>> {
  return echo<u16[]>(s);
}
export function points(s: Stream<Point>): Task<Stream<Point>> {
  return echo<Point>(s);
}
export function shapes(s: Stream<Shape>): Task<Stream<Shape>> {
  return echo<Shape>(s);
}
export function colors(s: Stream<Color>): Task<Stream<Color>> {
  return new Echo<Color>(s, newStreamOfColor());
}
export function manyMarks(s: Stream<Marks>): Task<Stream<Marks>> {
  return new Echo<Marks>(s, newStreamOfMarks());
}
export function ints(s: Stream<i32>): Task<Stream<i32>> {
  return new Echo<i32>(s, newStreamOfS32());
}
export function numbers(s: Stream<u32>): Task<Stream<u32>> {
  return echo<u32>(s);
}
export function bools(s: Stream<bool>): Task<Stream<bool>> {
  return echo<bool>(s);
}
export function options(s: Stream<string | null>): Task<Stream<string | null>> {
  return echo<string | null>(s);
}
export function results(s: Stream<Result<u8, string>>): Task<Stream<Result<u8, string>>> {
  return echo<Result<u8, string>>(s);
}
export function tuples(s: Stream<Tuple2<u8, string>>): Task<Stream<Tuple2<u8, string>>> {
  return echo<Tuple2<u8, string>>(s);
}
export function units(s: Stream<Unit>): Task<Stream<Unit>> {
  return new EchoUnits(s);
}
export function things(s: Stream<Thing>): Task<Stream<Thing>> {
  return echo<Thing>(s);
}
export function contexts(s: Stream<ErrorContext>): Task<Stream<ErrorContext>> {
  return echo<ErrorContext>(s);
}
export function streams(s: Stream<Stream<u8>>): Task<Stream<Stream<u8>>> {
  return echo<Stream<u8>>(s);
}
export function futures(s: Stream<Future<string>>): Task<Stream<Future<string>>> {
  return echo<Future<string>>(s);
}

class LaterThing extends Task<Future<Thing>> {
  private to: FutureWriter<Thing> = newFuture<Thing>();
  constructor(private from: Future<Thing>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.to.future);
      this.from.read();
    } else if (ended === this.from) this.to.write(new Thing(this.from.value.number_() + 1));
  }
}
export function laterThing(it: Future<Thing>): Task<Future<Thing>> {
  return new LaterThing(it);
}

class LaterContext extends Task<Future<Result<u8, ErrorContext>>> {
  private to: FutureWriter<Result<u8, ErrorContext>> = newFuture<Result<u8, ErrorContext>>();
  constructor(private from: Future<ErrorContext>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.to.future);
      this.from.read();
    } else if (ended === this.from) this.to.write(err<u8, ErrorContext>(this.from.value));
  }
}
export function laterContext(it: Future<ErrorContext>): Task<Future<Result<u8, ErrorContext>>> {
  return new LaterContext(it);
}

class Nothing extends Task<Future<Unit>> {
  private to: FutureWriter<Unit> = newFuture<Unit>();
  constructor(private from: Future<Unit>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.to.future);
      this.from.read();
    } else if (ended === this.from) this.to.write();
  }
}
export function nothing(it: Future<Unit>): Task<Future<Unit>> {
  return new Nothing(it);
}

export function inRecord(it: Both): Both {
  return it;
}
export function inTuple(it: Tuple2<Stream<u8>, u32>): Tuple2<Stream<u8>, u32> {
  return new Tuple2<Stream<u8>, u32>(it._0, it._1 + 1);
}
export function inList(them: Array<Stream<u8>>): Array<Stream<u8>> {
  return them.reverse();
}
export function inOption(it: Stream<u8> | null): Task<Stream<u8> | null> {
  return resolved<Stream<u8> | null>(it);
}
export function inVariant(it: Source): Source {
  return it.isText ? Source.none() : it;
}
export function inResult(it: Result<Future<string>, ErrorContext>): Result<Future<string>, ErrorContext> {
  return it;
}

export function context(why: ErrorContext): ErrorContext {
  return new ErrorContext(`because ${why.debugMessage}`);
}
export function contextsList(them: ErrorContext[]): ErrorContext[] {
  for (let i = 0; i < them.length; i++) them[i] = new ErrorContext(`${i}: ${them[i].debugMessage}`);
  return them;
}
export function said(why: ErrorContext): string {
  return why.debugMessage;
}
class Explained extends Task<string> {
  private call: Subtask<ErrorContext>;
  constructor(message: string) {
    super();
    this.call = explainAsync(new ErrorContext(message));
    // @ts-ignore: a function of AssemblyScript's runtime
    __collect();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) this.resolve(this.call.value.debugMessage);
  }
}
export function explained(message: string): Task<string> {
  return new Explained(message);
}

class Number extends Task<u32> {
  constructor(private call: Subtask<u32>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) this.resolve(this.call.value);
  }
}
export function kept(): Task<u32> {
  return new Number(keepAsync(new Thing(20), new Thing(3)));
}

class AllThings extends Task<u32> {
  private from: Stream<Thing> | null = null;
  private call: Subtask<Stream<Thing>>;
  private sum: u32 = 0;
  constructor(n: u32) {
    super();
    this.call = Thing.allAsync(n);
  }
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    if (ended === this.call) this.from = this.call.value;
    const from = this.from!;
    for (let i = 0; i < from.chunk.length; i++) this.sum += from.chunk[i].number_();
    if (from.ended) this.resolve(this.sum);
    else from.read();
  }
}
export function allThings(n: u32): Task<u32> {
  return new AllThings(n);
}
export function takesThings(n: u32): Task<u32> {
  const out = newStream<Thing>();
  const things: Thing[] = [];
  for (let i: u32 = 0; i < n; i++) things.push(new Thing(i));
  const call = Thing.takeAsync(out.stream);
  out.write(things);
  out.end();
  return new Taken(call);
}
class Taken extends Task<u32> {
  constructor(private call: Subtask<u32>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === this.call) this.resolve(this.call.value);
  }
}
export function takesOne(n: u32): Task<u32> {
  const out = newFuture<Thing>();
  const call = Thing.oneAsync(out.future);
  out.write(new Thing(n));
  return new Taken(call);
}

/** The call is lent the thing too. */
class Lent extends Task<u32> {
  private call: Subtask<u32>;
  constructor(it: Thing) {
    super();
    this.call = it.laterAsync();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) this.resolve(this.call.value);
  }
}
export function lent(it: Thing): Task<u32> {
  return new Lent(it);
}
class LentNothing extends Task<Unit> {
  private own: Subtask<u32> | null = null;
  private ends: i32 = 0;
  constructor(it: Thing) {
    super();
    it.laterAsync();
    // Nobody else has this one, so the call alone keeps it.
    this.own = new Thing(7).laterAsync();
    // @ts-ignore: a function of AssemblyScript's runtime
    __collect();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null && ++this.ends == 2) {
      assert(this.own!.value == 14);
      this.resolve();
    }
  }
}
export function lentNothing(it: Thing): Task<Unit> {
  return new LentNothing(it);
}

/** Writes until nobody reads any more; what was not read is the module's again. */
class UnreadThings extends Task<Tuple2<Stream<Thing>, Future<u32[]>>> {
  private to: StreamWriter<Thing> = newStream<Thing>();
  private left: FutureWriter<u32[]> = newFuture<u32[]>();
  constructor(private them: Thing[]) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(new Tuple2<Stream<Thing>, Future<u32[]>>(this.to.stream, this.left.future));
      this.to.write(this.them);
    } else if (ended === this.to) {
      const numbers: u32[] = [];
      for (let i = this.to.count; i < this.them.length; i++) numbers.push(this.them[i].number_());
      this.left.write(numbers);
    }
  }
}
export function unreadThings(them: Thing[]): Task<Tuple2<Stream<Thing>, Future<u32[]>>> {
  return new UnreadThings(them);
}

let dropped: u32 = 0;
class UnreadCounters extends Task<Tuple2<Stream<Counter>, Future<u32>>> {
  private to: StreamWriter<Counter> = newStream<Counter>();
  private left: FutureWriter<u32> = newFuture<u32>();
  constructor(private n: u32) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(new Tuple2<Stream<Counter>, Future<u32>>(this.to.stream, this.left.future));
      this.to.write(counters(this.n));
    } else if (ended === this.to) this.left.write(dropped);
  }
}
export function unreadCounters(n: u32): Task<Tuple2<Stream<Counter>, Future<u32>>> {
  return new UnreadCounters(n);
}

class UnreadStreams extends Task<Tuple2<Stream<Stream<u8>>, Future<string>>> {
  private to: StreamWriter<Stream<u8>> = newStream<Stream<u8>>();
  private left: FutureWriter<string> = newFuture<string>();
  constructor(private them: Array<Stream<u8>>) {
    super();
  }
  resume(ended: Waitable | null): void {
    const last = this.them[this.them.length - 1];
    if (ended === null) {
      this.resolve(new Tuple2<Stream<Stream<u8>>, Future<string>>(this.to.stream, this.left.future));
      this.to.write(this.them);
    } else if (ended === this.to) last.read();
    else if (ended === last) {
      this.left.write(String.UTF8.decode(last.bytes.buffer));
      last.close();
    }
  }
}
export function unreadStreams(them: Array<Stream<u8>>): Task<Tuple2<Stream<Stream<u8>>, Future<string>>> {
  return new UnreadStreams(them);
}

/** Forgets it: the collector closes it. */
export function lost(it: Stream<u8>): void {}

class Ready extends Task<Tuple2<u32, u32>> {
  private first: i32 = -1;
  constructor(private from: Stream<u8>) {
    super();
    from.read(0);
  }
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    if (this.first < 0) {
      this.first = this.from.count;
      this.from.read();
    } else this.resolve(new Tuple2<u32, u32>(this.first, this.from.count));
  }
}
export function ready(it: Stream<u8>): Task<Tuple2<u32, u32>> {
  return new Ready(it);
}

class Wanted extends Task<Stream<u8>> {
  private out: StreamWriter<u8> = newStream<u8>();
  private step: i32 = 0;
  resume(ended: Waitable | null): void {
    if (ended === null) {
      this.resolve(this.out.stream);
      this.out.write([]);
    } else if (this.step++ == 0) this.out.writeText("made when it was wanted");
    else this.out.close();
  }
}
export function wanted(): Task<Stream<u8>> {
  return new Wanted();
}

class Swap extends Echo<Tuple2<string, string>> {
  hand(): void {
    const pairs = this.from.chunk;
    for (let i = 0; i < pairs.length; i++) pairs[i] = new Tuple2<string, string>(pairs[i]._1, pairs[i]._0);
    this.to.write(pairs);
  }
}
export function swapped(s: Stream<Tuple2<string, string>>): Task<Stream<Tuple2<string, string>>> {
  return new Swap(s, newStream<Tuple2<string, string>>());
}

class Asked extends Task<Future<string[] | null>> {
  private out: FutureWriter<string[] | null> = newFuture<string[] | null>();
  private call: Subtask<Stream<Tuple2<string, string>>> = pairsAsync();
  private from: Stream<Tuple2<string, string>> | null = null;
  private all: string[] = [];
  resume(ended: Waitable | null): void {
    if (ended === null) this.resolve(this.out.future);
    else if (ended === this.call) {
      this.from = this.call.value;
      this.from!.read();
    } else if (ended !== this.out) {
      const from = this.from!;
      for (let i = 0; i < from.count; i++) this.all.push(from.chunk[i]._0 + from.chunk[i]._1);
      if (from.ended) this.out.write(this.all);
      else from.read();
    }
  }
}
export function asked(): Task<Future<string[] | null>> {
  return new Asked();
}

function counters(n: u32): Counter[] {
  const all: Counter[] = [];
  for (let i: u32 = 0; i < n; i++) all.push(new Counter(i * 10));
  return all;
}

class Reset extends Task<Unit> {
  private turns: i32 = 2;
  constructor(private counter: Counter) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (this.turns-- > 0) return this.yield_();
    this.counter.reset();
    this.resolve();
  }
}
class AddUp extends Task<u32> {
  private sum: u32 = 0;
  constructor(private from: Stream<Counter>) {
    super();
  }
  resume(ended: Waitable | null): void {
    if (ended !== null) {
      for (let i = 0; i < this.from.chunk.length; i++) this.sum += this.from.chunk[i].value();
      if (this.from.ended) return this.resolve(this.sum);
    }
    this.from.read(2);
  }
}

class Slow {
  waitReset(): Task<Unit> {
    return new Reset(changetype<Counter>(this));
  }
}

export class Counter extends Slow {
  constructor(private count: u32) {
    super();
  }
  value(): u32 {
    return this.count;
  }
  next(): Task<u32> {
    return resolved<u32>(++this.count);
  }
  reset(): void {
    this.count = 0;
  }
  static open(start: u32): Task<Result<Counter, string>> {
    return resolved<Result<Counter, string>>(
      start == 0 ? err<Counter, string>("Nothing to count") : ok<Counter, string>(new Counter(start)),
    );
  }
  static many(n: u32): Stream<Counter> {
    const out = newStream<Counter>();
    out.write(counters(n));
    out.end();
    return out.stream;
  }
  static addUp(them: Stream<Counter>): Task<u32> {
    return new AddUp(them);
  }
  numbers(): Stream<u32> {
    const out = newStream<u32>();
    const all: u32[] = [];
    for (let i: u32 = 0; i < this.count; i++) all.push(i);
    out.write(all);
    out.end();
    return out.stream;
  }
  dispose(): void {
    dropped++;
  }
}
