/** What calls Rust callees of jco's tests. */
import {
  ErrorContext,
  Future,
  FutureWriter,
  newFuture,
  newStream,
  ok,
  Result,
  Stream,
  StreamWriter,
  Subtask,
  Task,
  Tuple2,
  Tuple3,
  Tuple7,
  Unit,
  Waitable,
} from "./bindings/caller";
import { fooAsync as lendAsync } from "./bindings/local-local-borrowing";
import { X } from "./bindings/local-local-borrowing-types";
import { fooAsync as manyAsync, Stuff } from "./bindings/local-local-many";
import { runFailAsync, runPassAsync } from "./bindings/local-local-run-result";
import { shortReadsAsync, Thing } from "./bindings/local-local-short-reads";
import { Control, exchangeAsync } from "./bindings/local-local-transmit";
import { runAsync as unitsAsync } from "./bindings/local-local-unit-stream";

/** One step after the other; each begins some things, and the next comes when they have ended. */
abstract class Steps extends Task<string> {
  private left: i32 = 0;
  private at: i32 = 0;

  /** @returns how many things were begun */
  abstract step(at: i32): i32;

  resume(ended: Waitable | null): void {
    if (ended !== null && --this.left > 0) return;
    this.left = this.step(this.at++);
    if (this.left == 0) this.resolve("");
  }
}

class Errors extends Steps {
  private failing: Subtask<Result<Unit, ErrorContext>> = runFailAsync();
  private passing: Subtask<Result<Unit, ErrorContext>> = runPassAsync();
  step(at: i32): i32 {
    if (at == 0) return 2;
    assert(this.passing.value.isOk);
    assert(this.failing.value.error.debugMessage.length > 0);
    return 0;
  }
}
export function errors(): Task<string> {
  return new Errors();
}

class Units extends Task<string> {
  private call: Subtask<Stream<Unit>> = unitsAsync(42);
  private from: Stream<Unit> | null = null;
  private count: i32 = 0;
  resume(ended: Waitable | null): void {
    if (ended === null) return;
    if (ended === this.call) this.from = this.call.value;
    const from = this.from!;
    this.count += from.count;
    if (!from.ended) from.read(10);
    else this.resolve(this.count == 42 ? "" : `${this.count} units`);
  }
}
export function units(): Task<string> {
  return new Units();
}

class Transmits extends Steps {
  private control: StreamWriter<Control> = newStream<Control>();
  private toStream: StreamWriter<string> = newStream<string>();
  private toFuture: FutureWriter<string> = newFuture<string>();
  private unread: FutureWriter<string> = newFuture<string>();
  private call!: Subtask<Tuple3<Stream<string>, Future<string>, Future<string>>>;

  constructor() {
    super();
    this.call = exchangeAsync(this.control.stream, this.toStream.stream, this.toFuture.future, this.unread.future);
  }

  step(at: i32): i32 {
    if (at == 0) return 1;
    const fromStream = this.call.value._0;
    const fromFuture = this.call.value._1;
    switch (at) {
      case 1:
        this.control.write([Control.readStream("a")]);
        this.toStream.write(["a"]);
        return 2;
      case 2:
        // Given up before anybody reads it.
        this.toStream.write(["b"]);
        this.toStream.cancel();
        assert(this.toStream.count == 0 && !this.toStream.closed);
        this.control.write([Control.readStreamZero()]);
        return 1;
      case 3:
        // Of two that carry nothing, the one that writes has its end at once, the other when there is something.
        this.toStream.write([]);
        return 1;
      case 4:
        this.toStream.write(["c"]);
        this.control.write([Control.readStream("c")]);
        return 2;
      case 5:
        this.control.write([Control.readFuture("d")]);
        this.toFuture.write("d");
        return 2;
      case 6:
        fromStream.read();
        fromStream.cancel();
        assert(fromStream.count == 0 && !fromStream.ended);
        this.control.write([Control.writeStream("e")]);
        fromStream.read();
        return 2;
      case 7:
        assert(fromStream.chunk[0] == "e");
        fromStream.read(0);
        this.control.write([Control.writeStreamZero()]);
        return 1;
      case 8:
        assert(fromStream.busy);
        this.control.write([Control.writeStream("f")]);
        return 2;
      case 9:
        assert(fromStream.count == 0 && !fromStream.ended);
        fromStream.read();
        return 1;
      case 10:
        assert(fromStream.chunk[0] == "f");
        this.control.write([Control.writeFuture("g")]);
        fromFuture.read();
        return 2;
      case 11:
        assert(fromFuture.value == "g");
        this.control.close();
        this.call.value._2.close();
        this.unread.write("");
        fromStream.read();
        return 2;
      default:
        assert(fromStream.ended && this.unread.closed);
        return 0;
    }
  }
}
export function transmits(): Task<string> {
  return new Transmits();
}

class Borrows extends Steps {
  private x: X = new X();
  step(at: i32): i32 {
    if (at == 1) return 0;
    lendAsync(this.x, false);
    return 1;
  }
}
export function borrows(): Task<string> {
  return new Borrows();
}

class Reads extends Task<string> {
  private out: StreamWriter<Thing> = newStream<Thing>();
  private call!: Subtask<Stream<Thing>>;
  private from: Stream<Thing> | null = null;
  private said: Subtask<string>[] = [];

  constructor() {
    super();
    this.call = shortReadsAsync(this.out.stream);
    const things: Thing[] = [];
    for (let i = 0; i < 5; i++) things.push(new Thing(i.toString()));
    this.out.write(things);
    this.out.end();
  }

  resume(ended: Waitable | null): void {
    if (ended === this.call) {
      this.from = this.call.value;
      this.from!.read(1);
      return;
    }
    const from = this.from;
    if (from !== null && ended === from) {
      for (let i = 0; i < from.count; i++) this.said.push(from.chunk[i].getAsync());
      if (!from.ended) return from.read(1);
    }
    if (from === null || !from.ended) return;
    let all = "";
    for (let i = 0; i < this.said.length; i++) {
      if (!this.said[i].done) return;
      all += this.said[i].value;
    }
    this.resolve(all == "01234" ? "" : all);
  }
}
export function reads(): Task<string> {
  return new Reads();
}

class Values extends Steps {
  private call!: Subtask<
    Tuple7<string, u32, Uint8Array, Tuple2<u64, u64>, Stuff, Stuff | null, Result<Stuff, Unit>>
  >;
  private bytes: Uint8Array = new Uint8Array(3);
  constructor() {
    super();
    this.bytes[1] = 255;
    const stuff = new Stuff([1, -1], true, 7);
    const pair = new Tuple2<u64, u64>(u64.MAX_VALUE, 2);
    this.call = manyAsync("hello", 42, this.bytes, pair, stuff, stuff, ok<Stuff, Unit>(stuff));
  }
  step(at: i32): i32 {
    if (at == 0) return 1;
    const all = this.call.value;
    assert(all._0 == "hello - entered guest - entered host - exited host - exited guest");
    assert(all._1 == 42 && all._2.length == 3 && all._2[1] == 255);
    assert(all._3._0 == u64.MAX_VALUE && all._3._1 == 2 && all._4.c == 7 && all._4.b);
    assert(all._5!.a[1] == -1 && all._6.value.a[0] == 1);
    return 0;
  }
}
export function values(): Task<string> {
  return new Values();
}
