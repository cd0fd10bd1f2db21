/** What Rust callers of jco's tests call. */
import {
  Control,
  ErrorContext,
  err,
  Future,
  FutureWriter,
  newFuture,
  newStream,
  ok,
  Result,
  Stream,
  StreamWriter,
  Stuff,
  Task,
  Tuple2,
  Tuple3,
  Tuple7,
  Unit,
  Waitable,
} from "./bindings/callee";
import { X as Lent } from "./bindings/local-local-borrowing-types";

let touches: u32 = 0;
export function touched(): u32 {
  return touches;
}

export function runPass(): Result<Unit, ErrorContext> {
  return ok<Unit, ErrorContext>();
}
export function runFail(): Result<Unit, ErrorContext> {
  return err<Unit, ErrorContext>(new ErrorContext("error"));
}

export function run(count: u32): Stream<Unit> {
  const out = newStream<Unit>();
  out.writeUnits(count);
  out.end();
  return out.stream;
}

type Exchanged = Tuple3<Stream<string>, Future<string>, Future<string>>;

/** Does as it is told, one thing after the other. */
class Exchange extends Task<Exchanged> {
  private toStream: StreamWriter<string> = newStream<string>();
  private toFuture: FutureWriter<string> = newFuture<string>();
  private unused: FutureWriter<string> = newFuture<string>();
  private wanted: string = "";

  constructor(
    private control: Stream<Control>,
    private fromStream: Stream<string>,
    private fromFuture: Future<string>,
  ) {
    super();
  }

  resume(ended: Waitable | null): void {
    if (ended === null) {
      const rest = this.unused.future;
      this.resolve(new Tuple3<Stream<string>, Future<string>, Future<string>>(this.toStream.stream, this.toFuture.future, rest));
      this.unused.write("");
      this.control.read(1);
      return;
    }
    if (ended === this.unused) return;
    if (ended === this.control) {
      if (this.control.count > 0) this.obey(this.control.chunk[0]);
      if (this.control.ended) {
        this.toStream.end();
        this.fromStream.close();
      }
      return;
    }
    if (ended === this.fromStream && this.wanted != "") {
      assert(this.fromStream.count == 1 && this.fromStream.chunk[0] == this.wanted, "Read " + this.wanted);
    }
    if (ended === this.fromFuture) assert(this.fromFuture.value == this.wanted);
    if (!this.control.ended) this.control.read(1);
  }

  private obey(what: Control): void {
    this.wanted = "";
    if (what.isReadStream) {
      this.wanted = what.asReadStream;
      this.fromStream.read(1);
    } else if (what.isReadStreamZero) this.fromStream.read(0);
    else if (what.isReadFuture) {
      this.wanted = what.asReadFuture;
      this.fromFuture.read();
    } else if (what.isWriteStream) this.toStream.write([what.asWriteStream]);
    else if (what.isWriteStreamZero) this.toStream.write([]);
    else this.toFuture.write(what.asWriteFuture);
  }
}

export function exchange(
  control: Stream<Control>,
  callerStream: Stream<string>,
  callerFuture1: Future<string>,
  callerFuture2: Future<string>,
): Task<Exchanged> {
  callerFuture2.close();
  return new Exchange(control, callerStream, callerFuture1);
}

export namespace resourceStream {
  export class X {
    foo(): void {
      touches++;
    }
  }
  export function foo(count: u32): Stream<X> {
    const out = newStream<X>();
    const all: X[] = [];
    for (let i: u32 = 0; i < count; i++) all.push(new X());
    out.write(all);
    out.end();
    return out.stream;
  }
}

export namespace borrowing {
  export function foo(x: Lent, misbehave: bool): Task<Unit> {
    return new Borrow(x, misbehave);
  }
}
class Borrow extends Task<Unit> {
  constructor(
    private x: Lent,
    private misbehave: bool,
  ) {
    super();
    this.yield_();
  }
  resume(ended: Waitable | null): void {
    if (!this.misbehave) this.x.foo();
    this.resolve();
    if (this.misbehave) this.x.foo();
  }
}

export namespace many {
  type All = Tuple7<string, u32, Uint8Array, Tuple2<u64, u64>, Stuff, Stuff | null, Result<Stuff, Unit>>;
  export function foo(
    a: string,
    b: u32,
    c: Uint8Array,
    d: Tuple2<u64, u64>,
    e: Stuff,
    f: Stuff | null,
    g: Result<Stuff, Unit>,
  ): All {
    const text = `${a} - entered host - exited host`;
    return new Tuple7<string, u32, Uint8Array, Tuple2<u64, u64>, Stuff, Stuff | null, Result<Stuff, Unit>>(text, b, c, d, e, f, g);
  }
}
