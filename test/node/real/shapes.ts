/** A module of JavaScript with values of many types, imports and a class, for more than one test. */
export const wit = `
  package demo:shapes@0.1.0;
  interface api {
    record point { x: f64, y: f64 }
    variant shape { circle(f64), polygon(list<point>), nothing }
    enum colour { red, green }
    flags marks { bold, italic }
    area: func(it: shape) -> result<f64, string>;
    greet: func(name: string) -> string;
    reverse: func(data: list<u8>) -> list<u8>;
    paint: func(colour: colour, marks: marks, at: option<point>) -> tuple<colour, marks, option<point>>;
    big: func(n: u64) -> u64;
    now: func() -> f64;
    random: func(count: u32) -> list<u8>;
    fail: func();
    resource counter {
      constructor(start: u32);
      increment: func(by: u32) -> u32;
      merge: static func(a: counter, b: borrow<counter>) -> counter;
    }
  }
  world shapes {
    import log: func(message: string);
    import measure: func(text: string) -> result<u32, string>;
    export api;
  }`;

export const source = `
  import log from "log";
  import measure from "measure";
  class Counter {
    constructor(value) { this.value = value; }
    increment(by) { return (this.value += by); }
    static merge(a, b) { return new Counter(a.value + b.value); }
  }
  export const api = {
    Counter,
    area(shape) {
      if (shape.tag === "circle") return Math.PI * shape.val ** 2;
      if (shape.tag === "nothing") return 0;
      if (shape.val.length < 3) throw "a polygon has three corners at least";
      let twice = 0;
      shape.val.forEach((p, i, all) => {
        const q = all[(i + 1) % all.length];
        twice += p.x * q.y - q.x * p.y;
      });
      return Math.abs(twice) / 2;
    },
    greet(name) {
      log("greeting " + name);
      return "Hello, " + name + " of " + measure(name) + " letters!";
    },
    reverse(data) { return data.reverse(); },
    paint(colour, marks, at) { return [colour, marks, at]; },
    big(n) { return n + 1n; },
    now() { return Date.now(); },
    random(count) { return crypto.getRandomValues(new Uint8Array(count)); },
    fail() { throw new Error("not a result"); },
  };`;
