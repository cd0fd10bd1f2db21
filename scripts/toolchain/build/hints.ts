/**
 * What of TypeScript AssemblyScript does not take, how to tell from what the compiler says, and what to write instead.
 *
 * The README's table is made from this.
 */

/** One feature. */
export interface Lacking {
  /** As the README lists it. */
  readonly what: string;
  /** What to do, one sentence. */
  readonly instead: string;
  /** What the compiler says of it; nothing when it says too little. */
  readonly message?: RegExp;
  /** What the line looks like where the compiler found a mistake of syntax, or a name that is not there. */
  readonly line?: RegExp;
}

/** The first that fits is told, so what is told by the compiler's own words comes before what is guessed from a line. */
export const lacking: readonly Lacking[] = [
  {
    what: "closures: functions that use variables of the function around them",
    message: /^Not implemented: Closures/,
    instead: "Pass what it needs as parameters, write a loop, or keep it in a class or a variable of the module",
  },
  {
    what: "`for…of`",
    message: /^Not implemented: Iterators/,
    instead:
      "Loop over an index, `for (let i = 0; i < list.length; i++)`; of a map, over the array that `keys()` gives",
  },
  {
    what: "`try`, `catch`, `finally`; a `throw` is a trap",
    message: /^Not implemented: Exceptions/,
    instead: "Return a `Result` with `ok` and `err`, or `null`",
  },
  {
    what: "regular expressions",
    message: /^Not implemented: Regular expressions/,
    instead: "Search with `indexOf`, `startsWith`, `split` and `charCodeAt`, or import a function through the WIT",
  },
  {
    what: "unions other than of a class or string with `null`; literal types",
    message: /^Not implemented: union types/,
    instead: "Use an enum, a variant of the WIT, or classes with a common base",
  },
  {
    what: "`...` before an argument or in an array",
    message: /^Not implemented: Spread operator/,
    instead: "Use `concat`, `slice` or a loop",
  },
  {
    what: "`...` before an argument or in an array",
    message: /^Expected (?:at least )?\d+ arguments?/,
    line: /\(.*\.\.\./,
    instead: "Use `concat`, `slice` or a loop",
  },
  {
    what: "tagged templates",
    message: /^Not implemented: (?:Tagged template|String\.raw)/,
    instead: "Call a function",
  },
  {
    what: "object literals without a class, and of a class with a constructor, such as those of the bindings",
    message: /'<object>'|when instantiated from an object literal|Interface hidden classes/,
    instead: "Declare a class, and make one with `new`: `new Point(1, 2)`, its fields in order",
  },
  {
    what: "`any`, `unknown`, `never`, `object`",
    message: /^Cannot find name '(?:any|unknown|never|object)'/,
    instead: "Name the type, or use a type parameter",
  },
  {
    what: "`undefined` as a value",
    message: /^Cannot find name 'undefined'/,
    instead: "Use `null`, for a class or string; for numbers, an `Option` of the bindings",
  },
  {
    what: "`JSON`",
    message: /^Cannot find name 'JSON'/,
    instead: "Use a record of the WIT, or the package json-as: `tenon build --transform json-as/transform`",
  },
  {
    what: "`Promise`, `setTimeout`, `fetch`, `document` and the rest of a page or of Node",
    message:
      /^Cannot find name '(?:Promise|setTimeout|setInterval|queueMicrotask|fetch|document|window|globalThis|Buffer|require|URL|TextEncoder|TextDecoder|structuredClone|crypto)'/,
    instead: "A component has what its WIT imports: import a function that does it",
  },
  {
    what: "`forEach` of a `Map` or `Set`",
    message: /^Property 'forEach' does not exist on type '(?:Map|Set)/,
    instead: "Loop over the array that `keys()` or `values()` gives",
  },
  {
    what: "type arguments of `ok` and `err` left out, which an editor does not miss",
    message: /^Type argument expected/,
    line: /\b(?:ok|err)\s*\(/,
    instead: "Name both types, that of the value and that of the error: `ok<string[], string>(…)`",
  },
  {
    what: "conversions by themselves to a smaller type of number, as in `let x: u8 = 300`: to an editor all are `number`",
    message: /^Conversion from type '[iuf]\w+' to '[iuf]\w+' requires/,
    instead: "Convert it, `n as i32`, or give the variable the larger type",
  },
  {
    what: "parameters without types, also of arrow functions, and type arguments left out",
    message: /^Type(?: argument)? expected/,
    line: /[(,]\s*\w+\s*[,)]/,
    instead: "Write every type: `list.map<i32>((x: i32): i32 => x + 1)`",
  },
  {
    what: "tuple types; the bindings have classes `Tuple2`, … for those of the WIT",
    message: /^Type expected/,
    line: /[:<|]\s*\[/,
    instead: "Declare a class with a field for each part",
  },
  {
    what: "enums of strings",
    message: /^Type 'string' is not assignable to type 'i32'/,
    line: /\benum\b/,
    instead: "Number them, and name them in a function",
  },
  {
    what: "`?.`",
    line: /\?\./,
    instead: "Ask first: `x == null ? 0 : x.length`",
  },
  { what: "`??`", line: /\?\?/, instead: "Ask: `x == null ? other : x`" },
  {
    what: "destructuring",
    line: /\b(?:const|let|var)\s*[[{]|\(\s*[[{][^)]*[\]}]\s*(?::[^)]*)?\)\s*(?::[^=]*)?=>/,
    instead: "Read each field or element by itself: `const a = pair.a`",
  },
  {
    what: "`async`, `await`, generators",
    line: /\b(?:async|await|yield)\b|\bfunction\s*\*/,
    instead: "Make the function `async` in the WIT: what it calls waits, or it returns a `Task` that goes on",
  },
  {
    what: "`for…in`",
    line: /\bfor\s*\([^;]*\bin\b/,
    instead: "Loop over an index, or over the array that `keys()` gives",
  },
  { what: "intersection types", line: /\btype\b.*=.*&/, instead: "Declare a class that extends another" },
  {
    what: "labels of loops",
    line: /^\s*\w+\s*:\s*(?:for|while|do)\b/,
    instead: "Use a variable that ends the loop, or a function that returns",
  },
  { what: "fields with `#`", line: /[\s.]#\w/, instead: "Write `private`" },
];

/** What to do about a diagnostic that comes of something AssemblyScript does not take. */
export function hintForLacking(code: number, message: string, line: string | undefined): string | undefined {
  const bySyntax = (code >= 1000 && code < 2000) || code === 2304;
  return lacking.find((one) => {
    if (one.message?.test(message) === false) return false;
    if (one.message === undefined && !bySyntax) return false;
    return one.line === undefined || (line !== undefined && one.line.test(line));
  })?.instead;
}
