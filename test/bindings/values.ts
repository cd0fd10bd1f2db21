/** The functions of `wit/values.wit` with values to send through each, and the host's side of them. */

const plain = { a: 1, b: "bé", c: new Uint16Array([1, 65535]), d: 4000000000 };
const empty = { a: 0, b: "", c: new Uint16Array(0), d: undefined };
const mixes = [
  { tag: "i", val: 4000000000 },
  { tag: "f", val: -1.5 },
  { tag: "d", val: 1e300 },
  { tag: "l", val: -5n },
  { tag: "s", val: "x" },
  { tag: "r", val: plain },
  { tag: "n" },
  { tag: "b", val: true },
  { tag: "o", val: undefined },
  { tag: "o", val: 2.5 },
  { tag: "m", val: -7 },
];
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `f${i}`);
const everyThird = (count: number): object => Object.fromEntries(names(count).map((name, i) => [name, i % 3 === 0]));
const rights = { read: true, write: false, none: true };

/** Function → argument lists. What a function gives back is its argument, or the list of them when there are several. */
export const values: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  nothing: [[]],
  u8: [[0], [255]],
  s8: [[-128], [127]],
  u16: [[65535]],
  s16: [[-32768]],
  u32: [[4294967295]],
  s32: [[-2147483648]],
  u64: [[18446744073709551615n]],
  s64: [[-9223372036854775808n]],
  f32: [[1.5], [Number.NaN], [-0]],
  f64: [[Number.MIN_VALUE], [-Infinity]],
  boolean: [[true], [false]],
  character: [["a"], ["😀"], ["\0"]],
  text: [[""], ["plain"], ["Zwölf 😀 Boxkämpfer"], ["\ufeffmark"], ["x".repeat(5000)]],
  colorOf: [["red"], ["dark-blue"]],
  rightsOf: [[rights], [{ read: false, write: false, none: false }]],
  oneOf: [[{ a: true }], [{ a: false }]],
  sixteenOf: [[everyThird(9)]],
  wideOf: [[everyThird(32)]],
  plainOf: [[plain], [empty]],
  mixOf: mixes.map((mix) => [mix]),
  tupleOf: [[[1, "a", 2]]],
  optionOf: [["a"], [undefined], [""]],
  options: [
    [{ tag: "none" }],
    [{ tag: "some", val: { tag: "none" } }],
    [{ tag: "some", val: { tag: "some", val: undefined } }],
    [{ tag: "some", val: { tag: "some", val: 3 } }],
  ],
  resultIn: [[[{ tag: "ok", val: "a" }]], [[{ tag: "err", val: mixes[5] }]]],
  bools: [[[true, false, true]], [[]]],
  bytes: [[new Uint8Array([1, 2, 255])], [new Uint8Array(0)], [new Uint8Array(70000).fill(7)]],
  longs: [[new BigInt64Array([-1n, 2n ** 62n])]],
  floats: [[new Float32Array([1.5, -0, Number.NaN])]],
  characters: [[["a", "😀"]]],
  texts: [[["", "a", "é"]], [[]]],
  lists: [[[new Uint8Array([1]), new Uint8Array(0)]]],
  colors: [[["red", "green", "dark-blue"]]],
  rightsList: [[[rights, rights]]],
  optionsList: [[["a", undefined, ""]]],
  resultsList: [[[{ tag: "ok", val: "a" }, ...mixes.map((val) => ({ tag: "err", val }))]]],
  mixes: [[mixes], [[]]],
  plains: [[[plain, empty, plain]]],
  fixed: [[new Uint16Array([1, 2, 65535])]],
  fixedTexts: [[["a", ""]]],
  fixedMany: [[new BigUint64Array(40).fill(9n)]],
  fixedHuge: [[new BigUint64Array(1000).fill(9n)]],
  map: [[new Map([["k", new Uint8Array([1])], ["", new Uint8Array(0)]])], [new Map()]],
  maps: [[[new Map([[1, "a"]]), new Map([[2, ""], [3, "é"]])]]],
  spilled: [[plain, empty, mixes[5], mixes, "end"]],
}; // prettier-ignore

/** Results at the end of a function: what the import does with its argument, and what comes of it. */
export const results: readonly { name: string; value: number; returns?: unknown; throws?: unknown }[] = [
  { name: "resultBoth", value: 1, returns: 1 },
  { name: "resultBoth", value: 9, throws: plain },
  { name: "resultErr", value: 1, returns: undefined },
  { name: "resultErr", value: 9, throws: "dark-blue" },
  { name: "resultOk", value: 1, returns: "fine" },
  { name: "resultOk", value: 9, throws: undefined },
  { name: "resultNone", value: 1, returns: undefined },
  { name: "resultNone", value: 9, throws: undefined },
];

/** The host's side: gives back what it gets, and fails for numbers above five. */
export function valueImports(): Record<string, (...args: unknown[]) => unknown> {
  const imports: Record<string, (...args: unknown[]) => unknown> = {};
  for (const name of Object.keys(values)) imports[name] = (...args) => (args.length > 1 ? args : args[0]);
  for (const { name } of results) {
    imports[name] = (value) => {
      const wanted = results.find((one) => one.name === name && one.value === value)!;
      if ("throws" in wanted) throw Object.assign(new Error("refused"), { payload: wanted.throws });
      return wanted.returns;
    };
  }
  return imports;
}
