/**
 * Random core modules that end: every kind of control, calls of every kind, memory and tables, over a few functions.
 *
 * A global is taken down at each function entry and turn of a loop, and a function that finds it used up returns, so that a
 * run ends whatever was drawn. The bytes are written here, as a text format would hide what an index or a label is.
 */
import { joined, u32Bytes } from "../../host/binary/framing.ts";

type Type = "i32" | "i64" | "f64";
const codes: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c };
const types = Object.keys(codes) as Type[];

interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** Steps that a run may take before every function returns at once. */
const BOUND = 3000;
const FUNCTIONS = 6;
const BOUND_GLOBAL = 0;
/** Globals after it, one of each type. */
const firstGlobal = 1;

export function randomModule(random: () => number): Uint8Array<ArrayBuffer> {
  return new Program(random).module();
}

class Program {
  private readonly random: () => number;
  private readonly signatures: readonly Signature[];
  private readonly extraTypes: Signature[] = [];

  constructor(random: () => number) {
    this.random = random;
    const some = (most: number): Type[] => Array.from({ length: this.below(most + 1) }, () => this.pick(types));
    this.signatures = Array.from({ length: FUNCTIONS }, () => ({ params: some(3), results: some(2) }));
  }

  module(): Uint8Array<ArrayBuffer> {
    const bodies = this.signatures.map((signature) => this.body(signature));
    const start = this.random() < 0.3 ? this.signatures.findIndex((s) => s.params.length + s.results.length === 0) : -1;
    const name = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];
    const vector = (items: readonly (readonly number[])[]): number[] => [...u32Bytes(items.length), ...items.flat()];
    const section = (id: number, contents: readonly number[]): number[] => [
      id,
      ...u32Bytes(contents.length),
      ...contents,
    ];
    const all = [...this.signatures, ...this.extraTypes];
    const type = ({ params, results }: Signature): number[] => [
      0x60,
      ...vector(params.map((param) => [codes[param]])),
      ...vector(results.map((result) => [codes[result]])),
    ];
    const global = (code: number, init: readonly number[]): number[] => [code, 1, ...init, 0x0b];
    return joined([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(all.map(type))),
      section(3, vector(bodies.map((_, i) => [i]))),
      section(
        4,
        vector([
          [0x70, 1, 8, 20],
          [0x6f, 0, 2],
        ]),
      ),
      section(5, vector([[1, 1, 4]])),
      section(
        6,
        vector([
          global(0x7f, [0x41, ...signed(BOUND)]),
          global(0x7f, [0x41, 1]),
          global(0x7e, [0x42, 2]),
          global(0x7c, [0x44, 0, 0, 0, 0, 0, 0, 0, 0]),
        ]),
      ),
      section(
        7,
        vector([
          ...bodies.map((_, i) => [...name(`f${i}`), 0, i]),
          [...name("memory"), 2, 0],
          [...name("bound"), 3, 0],
          ...types.map((text, i) => [...name(text), 3, firstGlobal + i]),
          [...name("table"), 1, 0],
        ]),
      ),
      start < 0 ? [] : section(8, u32Bytes(start)),
      section(9, [2, 0, 0x41, 0, 0x0b, ...vector(bodies.map((_, i) => [i])), 1, 0, ...vector([[0], [1], [2]])]),
      section(12, [1]),
      section(10, vector(bodies.map((body) => [...u32Bytes(body.length), ...body]))),
      section(11, [1, 1, 40, ...Array.from({ length: 40 }, (_, i) => i)]),
    ]);
  }

  private body(signature: Signature): number[] {
    // A counter of turns for each type, above the parameters.
    const locals = types.flatMap((type) => [2, codes[type]]);
    const scope: Scope = {
      locals: [...signature.params, ...types.flatMap((type) => [type, type])],
      labels: [{ results: signature.results, loop: false }],
      results: signature.results,
    };
    return [
      types.length,
      ...locals,
      ...this.spend(scope),
      // Some are short, and may end in a call that never comes back: their callers count them.
      ...(this.random() < 0.3 ? this.ending(scope) : this.statements(scope, 3)),
      ...signature.results.flatMap((type) => this.value(type, scope, 2)),
      0x0b,
    ];
  }

  /** Takes the bound down, and returns when there is none. */
  private spend({ results }: Scope): number[] {
    const bound = u32Bytes(BOUND_GLOBAL);
    return [
      ...[0x23, ...bound, 0x41, 1, 0x6b, 0x24, ...bound],
      ...[0x23, ...bound, 0x41, 0, 0x4c, 0x04, 0x40, ...results.flatMap(zero), 0x0f, 0x0b],
    ];
  }

  /** Rarely, a call and the end of the program. */
  private ending(scope: Scope): number[] {
    const callee = this.below(FUNCTIONS);
    const given = this.signatures[callee]!.params.flatMap(zero);
    return [...this.value("i32", scope, 1), 0x41, 7, 0x71, 0x45, 0x04, 0x40, ...given, 0x10, callee, 0x00, 0x0b];
  }

  private statements(scope: Scope, depth: number): number[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.statement(scope, depth)).flat();
  }

  private statement(scope: Scope, depth: number): number[] {
    const type = this.pick(types);
    const { locals, labels, results } = scope;
    switch (this.below(depth > 0 ? 17 : 6)) {
      case 0:
        return [...this.value(type, scope, 2), 0x24, firstGlobal + types.indexOf(type)];
      case 1: {
        const local = this.below(locals.length);
        return [...this.value(locals[local]!, scope, 2), 0x21, local];
      }
      case 2:
        return [...this.address(), ...this.value(type, scope, 2), ...memory[type].store];
      case 3:
        return [...this.value(type, scope, 2), 0x1a];
      case 4:
        return this.bulk(scope);
      case 5:
        return this.call(scope, this.below(FUNCTIONS), undefined);
      case 6:
        return [0x02, 0x40, ...this.statements(inside(scope, { results: [], loop: false }), depth - 1), 0x0b];
      case 7:
      case 8: {
        const inner = inside(scope, { results: [], loop: true });
        const again = [...this.value("i32", inner, 1), 0x41, 3, 0x71, 0x0d, 0];
        return [0x03, 0x40, ...this.spend(scope), ...this.statements(inner, depth - 1), ...again, 0x0b];
      }
      case 9: {
        const inner = inside(scope, { results: [], loop: false });
        const other = this.random() < 0.5 ? [0x05, ...this.statements(inner, depth - 1)] : [];
        return [...this.value("i32", scope, 2), 0x04, 0x40, ...this.statements(inner, depth - 1), ...other, 0x0b];
      }
      case 10: {
        // A loop that takes and gives a value.
        const block = this.typeIndex({ params: [type], results: [type] });
        const inner = inside(scope, { results: [type], loop: true });
        const turn = [...this.spend(scope), ...this.statements(inner, depth - 1)];
        return [...this.value(type, scope, 1), 0x03, ...block, ...turn, 0x0b, 0x1a];
      }
      case 11: {
        // Several loops within each other, and branches out of all of them.
        const outer = inside(scope, { results: [], loop: false });
        const first = inside(outer, { results: [], loop: true });
        const second = inside(first, { results: [], loop: true });
        const leave = [...this.value("i32", second, 1), 0x0d, this.below(3)];
        const inner = [...this.spend(scope), ...this.statements(second, depth - 2), ...leave];
        return [0x02, 0x40, 0x03, 0x40, ...this.spend(scope), 0x03, 0x40, ...inner, 0x0b, 0x0b, 0x0b];
      }
      case 12: {
        const label = this.below(labels.length);
        return this.branch(scope, label, [0x0d, label]);
      }
      case 13: {
        // In a block of its own, as what follows it is not reached.
        const inner = inside(scope, { results: [], loop: false });
        const targets = inner.labels.flatMap(({ results, loop }, i) => (loop || results.length === 0 ? [i] : []));
        const chosen = Array.from({ length: this.below(4) }, () => this.pick(targets));
        const last = this.pick(targets);
        const plain = [...chosen, last].every((i) => inner.labels[i]!.results.length === 0);
        if (!plain) return [];
        return [0x02, 0x40, ...this.value("i32", inner, 2), 0x0e, chosen.length, ...chosen, last, 0x0b];
      }
      case 14:
        return [
          ...[...this.value("i32", scope, 1), 0x41, 15, 0x71, 0x45, 0x04, 0x40],
          ...results.flatMap((result) => this.value(result, scope, 1)),
          ...[0x0f, 0x0b],
        ];
      case 15:
        return this.ending(scope);
      default: {
        // A tail call, where a function gives what this one gives.
        const callee = this.signatures.findIndex((other) => other.results.join() === results.join());
        if (callee < 0) return [];
        const given = this.signatures[callee]!.params.flatMap((param) => this.value(param, scope, 1));
        const call = this.random() < 0.5 ? [0x12, callee] : [0x41, callee, 0x13, callee, 0];
        return [...this.value("i32", scope, 1), 0x41, 7, 0x71, 0x45, 0x04, 0x40, ...given, ...call, 0x0b];
      }
    }
  }

  /** A conditional branch with the values its label takes, which are dropped where it goes on. */
  private branch(scope: Scope, label: number, instruction: readonly number[]): number[] {
    const { results } = scope.labels[label]!;
    const values = results.flatMap((type) => this.value(type, scope, 1));
    return [...values, ...this.value("i32", scope, 1), 0x41, 3, 0x71, ...instruction, ...results.map(() => 0x1a)];
  }

  private bulk(scope: Scope): number[] {
    const amount =
      this.random() < 0.1 ? [0x41, ...signed(3_000_000)] : [...this.value("i32", scope, 1), 0x41, 0x3f, 0x71];
    switch (this.below(8)) {
      case 0:
        return [...this.address(), ...this.value("i32", scope, 1), ...amount, 0xfc, 11, 0];
      case 1:
        return [...this.address(), ...this.address(), ...amount, 0xfc, 10, 0, 0];
      case 2:
        return [...this.address(), 0x41, 3, 0x41, this.below(20), 0xfc, 8, 0, 0];
      case 3:
        return [0x41, this.below(2), 0x40, 0, 0x1a];
      case 4:
        return [0x41, this.below(3), 0x41, this.below(3), 0x41, this.below(3), 0xfc, 14, 0, 0];
      case 5:
        return [0xd2, this.below(FUNCTIONS), 0x41, this.below(2), 0xfc, 15, 0, 0x1a];
      case 6:
        return [0x41, 6, 0xd0, 0x70, 0x41, this.below(3), 0xfc, 17, 0];
      default:
        return [0x41, 5, 0x41, this.below(2), 0x41, this.below(2), 0xfc, 12, 1, 0];
    }
  }

  /** A call that leaves at most one value of the wanted type. */
  private call(scope: Scope, callee: number, wanted: Type | undefined): number[] {
    const { params, results } = this.signatures[callee]!;
    const given = params.flatMap((param) => this.value(param, scope, 1));
    const call = this.random() < 0.6 ? [0x10, callee] : [0x41, callee, 0x11, callee, 0];
    const kept = wanted !== undefined && results[0] === wanted ? 1 : 0;
    const drops = Array.from({ length: results.length - kept }, () => 0x1a);
    return [...given, ...call, ...drops, ...(wanted !== undefined && kept === 0 ? zero(wanted) : [])];
  }

  private value(type: Type, scope: Scope, depth: number): number[] {
    const constant = (): number[] =>
      type === "f64"
        ? [0x44, ...new Uint8Array(Float64Array.of(this.below(100) / 4).buffer)]
        : [type === "i32" ? 0x41 : 0x42, ...signed(this.below(1000))];
    const local = scope.locals.flatMap((other, i) => (other === type ? [i] : []));
    switch (this.below(depth > 0 ? 9 : 3)) {
      case 0:
        return constant();
      case 1:
        return local.length > 0 ? [0x20, this.pick(local)] : constant();
      case 2:
        return [0x23, firstGlobal + types.indexOf(type)];
      case 3:
        return [...this.address(), ...memory[type].load];
      case 4: {
        const operators = {
          i32: [0x6a, 0x6b, 0x6c, 0x73, 0x6e],
          i64: [0x7c, 0x7d, 0x7e, 0x85, 0x80],
          f64: [0xa0, 0xa1, 0xa2, 0xa3],
        };
        return [
          ...this.value(type, scope, depth - 1),
          ...this.value(type, scope, depth - 1),
          this.pick(operators[type]),
        ];
      }
      case 5: {
        const inner = inside(scope, { results: [type], loop: false });
        const early = [...this.branch(inner, 0, [0x0d, 0])];
        return [0x02, codes[type], ...early, ...this.value(type, inner, depth - 1), 0x0b];
      }
      case 6: {
        const inner = inside(scope, { results: [type], loop: false });
        const sides = [this.value(type, inner, depth - 1), this.value(type, inner, depth - 1)] as const;
        return [...this.value("i32", scope, depth - 1), 0x04, codes[type], ...sides[0], 0x05, ...sides[1], 0x0b];
      }
      case 7:
        return this.call(scope, this.below(FUNCTIONS), type);
      default: {
        const inner = inside(scope, { results: [], loop: true });
        const again = [...this.value("i32", inner, 0), 0x41, 1, 0x71, 0x0d, 0];
        return [0x03, codes[type], ...this.spend(scope), ...again, ...this.value(type, inner, depth - 1), 0x0b];
      }
    }
  }

  private address(): number[] {
    return [0x41, ...signed(this.random() < 0.02 ? 200_000 : this.below(65_000))];
  }

  private typeIndex(signature: Signature): number[] {
    return signed(this.signatures.length + this.extraTypes.push(signature) - 1);
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

interface Label {
  /** What a branch to it takes. */
  readonly results: readonly Type[];
  readonly loop: boolean;
}
interface Scope {
  readonly locals: readonly Type[];
  /** The innermost first. */
  readonly labels: readonly Label[];
  readonly results: readonly Type[];
}

function inside(scope: Scope, label: Label): Scope {
  return { ...scope, labels: [label, ...scope.labels] };
}

const memory: Readonly<Record<Type, { readonly load: readonly number[]; readonly store: readonly number[] }>> = {
  i32: { load: [0x28, 2, 0], store: [0x36, 2, 0] },
  i64: { load: [0x29, 3, 0], store: [0x37, 3, 0] },
  // As integers: which bits a NaN has is the engine's choice, and it may choose anew when it compiles a function again.
  f64: { load: [0x28, 2, 0, 0xb7], store: [0xfc, 6, 0x37, 3, 0] },
};

function zero(type: Type): number[] {
  return type === "f64" ? [0x44, 0, 0, 0, 0, 0, 0, 0, 0] : [type === "i32" ? 0x41 : 0x42, 0];
}

/** A signed LEB128 number that is not negative. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x40; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
