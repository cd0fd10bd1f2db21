/** What the host tells of itself: imports with those who want to know of their calls in front, and the developer tools. */
import type { ExternDecl } from "../model/types.ts";
import type { TracedFunction, Tracing } from "../platform.ts";

/**
 * The imports of an instance, plain functions of which are told of: those of the world and of its interfaces.
 * @param keyOf a name in WIT → the key that it has in an import object
 */
export function traceImports(
  decls: readonly ExternDecl[],
  imports: Record<string, unknown>,
  module: string,
  tracing: Tracing,
  keyOf: (name: string) => string,
): Record<string, unknown> {
  const traced = { ...imports };
  const wrap = (found: unknown, holder: unknown, name: string): unknown =>
    tracing.wrap("import", (found as TracedFunction).bind(holder), { module, import: name });
  for (const { name, type } of decls) {
    const given = imports[name];
    if (type.kind === "func" && typeof given === "function") traced[name] = wrap(given, undefined, name);
    if (type.kind !== "instance" || typeof given !== "object" || given === null) continue;
    // Everything that is not wrapped is inherited, and may be in a class.
    const holder = Object.create(given) as Record<string, unknown>;
    for (const { name: item, type: kind } of type.exports) {
      const key = keyOf(item);
      const found = (given as Record<string, unknown>)[key];
      if (kind.kind !== "func" || item.startsWith("[") || typeof found !== "function") continue;
      const value = wrap(found, given, `${name}#${item}`);
      Object.defineProperty(holder, key, { value, enumerable: true, configurable: true });
    }
    traced[name] = holder;
  }
  return traced;
}

/** Puts what a host does on tracks of the developer tools, beside telling those who are told already. */
export function profiled(tracing: Tracing | undefined): Tracing {
  return tracing instanceof Profile ? tracing : new Profile(tracing);
}

type Context = Readonly<Record<string, unknown>>;

class Profile implements Tracing {
  readonly #inner: Tracing | undefined;

  constructor(inner: Tracing | undefined) {
    this.#inner = inner;
  }

  wants(of: Parameters<Tracing["wants"]>[0]): boolean {
    return of !== "import" || this.#inner?.wants(of) === true;
  }

  async run<T>(operation: Parameters<Tracing["run"]>[0], context: object, task: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await (this.#inner?.wants(operation) ? this.#inner.run(operation, context, task) : task());
    } finally {
      const { module, modules } = context as Context;
      const name = String(module ?? modules ?? "module");
      measure(`${operation} ${name}`, began, name, operation === "load" ? "primary" : "secondary");
    }
  }

  readonly wrap: Tracing["wrap"] = (of, plain, context) => {
    const told = this.#inner?.wants(of) ? this.#inner.wrap(of, plain, context) : plain;
    if (of === "import") return told;
    const { module, export: path } = context as Context;
    const note = (began: number): void => measure(String(path), began, String(module), "tertiary");
    return function (this: unknown, ...args) {
      const began = performance.now();
      let value: unknown;
      try {
        value = told.apply(this, args);
      } finally {
        if (!(value instanceof Promise)) note(began);
      }
      if (value instanceof Promise) {
        const ended = (): void => note(began);
        value.then(ended, ended);
      }
      return value;
    };
  };

  watch<T extends object>(owner: T, changed: (owner: T) => void): void {
    this.#inner?.watch(owner, changed);
  }
}

/** An entry of a track; the timeline keeps none of it. */
function measure(name: string, start: number, track: string, color: string): void {
  const devtools = { dataType: "track-entry", track, trackGroup: "tenon", color };
  const entry = `tenon: ${name}`;
  performance.measure(entry, { start, end: performance.now(), detail: { devtools } });
  performance.clearMeasures(entry);
}
