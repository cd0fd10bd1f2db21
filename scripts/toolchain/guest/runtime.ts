/**
 * The fixed texts of the bindings: what module authors use (`tenon.ts`), and what `abi.ts` starts with.
 *
 * Owns what of them depends on the world; the rest is in `assembly/`.
 */
import type { Area, AreaSizes } from "./areas.ts";
import { region } from "./support.ts";
import type { GuestWorld } from "./world.ts";

/** What of `tenon.ts` a world needs. */
export interface RuntimeNeeds {
  readonly tupleSizes: readonly number[];
  /** Imported resources, or what is held as they are. */
  readonly resources: boolean;
  readonly errorContexts: boolean;
  /** Ends of streams or futures, which the collector closes. */
  readonly ends: boolean;
  readonly sink: Sink | undefined;
}

/** Classes that stand for WIT types AssemblyScript has no words for, and the hook that tells the host of an abort. */
export function runtimeText({ tupleSizes, resources, errorContexts, ends, sink }: RuntimeNeeds): string {
  const imports = [
    ...(ends ? ['import { End } from "./channels";\n'] : []),
    ...(sink?.path === undefined ? [] : [`import * as _sink from "${sink.path}";\n`]),
  ];
  const values = imports.join("") + region("tenon", "values");
  const finalized = [...(resources ? ["resources"] : []), ...(ends ? ["ends"] : [])];
  return [
    values,
    ...tupleSizes.map(tuple),
    ...(resources ? [region("tenon", "resource")] : []),
    ...(finalized.length > 0 ? [region("tenon", "finalize", finalized)] : []),
    ...(errorContexts ? [region("tenon", "contexts")] : []),
    hooks(sink),
    ...(sink === consoleSink ? [region("tenon", "console")] : []),
  ].join("\n");
}

/** Tasks and calls of imports that go on. */
export function asyncText({ borrows }: Handles): string {
  const names = borrows ? "Resource, Unit" : "Unit";
  const imports = `import { freeBlocks } from "./abi";\nimport { ${names} } from "./tenon";\n`;
  return [imports + region("async", "task", borrows ? ["lent"] : []), region("async", "subtask")].join("\n");
}

/** The ends of streams and futures. */
export function channelText({ stream, future }: GuestWorld["channels"]): string {
  const imports =
    'import { freeBlocks, note } from "./abi";\nimport { Waitable, _absent, _nothing } from "./async";\nimport { Unit } from "./tenon";\n';
  const regions = ["channel", ...(stream ? ["stream"] : []), ...(future ? ["future"] : [])];
  return imports + regions.map((name) => region("channels", name)).join("\n");
}

/** What `trace` and the functions of `console` do with a line of text, or with a label. */
export type Level = "trace" | "debug" | "log" | "info" | "warn" | "error" | "time" | "timeLog" | "timeEnd";

/** The import that receives `trace` and `console.log`. */
export interface Sink {
  /** Path of the file with the function, such as `./wasi-logging-logging`; absent for one that `tenon.ts` declares. */
  readonly path: string | undefined;
  /** The statement that hands on a line of text, given as an expression; `undefined` where there is nothing to do. */
  readonly call: (level: Level, text: string) => string | undefined;
}

const consoleLevels = { debug: 0, log: 1, trace: 1, info: 2, warn: 3, error: 4 };

/** The host's own console, `tenon:module/console`. */
export const consoleSink: Sink = {
  path: undefined,
  call: (level, text) => {
    const pointer = `changetype<usize>(${text}), ${text}.length`;
    if (level === "time" || level === "timeLog" || level === "timeEnd") {
      return `_console${level[0]!.toUpperCase()}${level.slice(1)}(${pointer});`;
    }
    return `_consoleWrite(${consoleLevels[level]}, ${pointer});`;
  },
};

function tuple(size: number): string {
  const types = Array.from({ length: size }, (_, i) => `T${i}`);
  return `/** ${size === 1 ? "One value" : `${size} values`} without names. */
export class Tuple${size}<${types.join(", ")}> {
  constructor(
${types.map((type, i) => `    public _${i}: ${type},`).join("\n")}
  ) {}
}
`;
}

function hooks(sink: Sink | undefined): string {
  // Without an import that takes lines of text, none are put together.
  const text = region("tenon", "hooks", sink === undefined ? [] : ["line"]);
  return text.replaceAll(/^( *)_sink\.(\w+)\((\w+)\);\n/gm, (_, indent: string, level: Level, line: string) => {
    const call = sink?.call(level, line);
    return call === undefined ? "" : `${indent}${call}\n`;
  });
}

/** What asc is told so that these stand in for the imports of the same use. */
export const hookFlags: readonly string[] = [
  ...["--use", "abort=__tenon_abort"],
  ...["--use", "trace=__tenon_trace"],
  ...["--use", "console=__tenon_console"],
  ...["--use", "process=__tenon_process"],
  ...["--use", "seed=__tenon_seed"],
];

export interface Handles {
  /** Imported resources exist, or error contexts, which are held as they are. */
  readonly imported: boolean;
  /** Functions of the module receive borrowed handles of imported resources. */
  readonly borrows: boolean;
  readonly exported: boolean;
  /** Calls can be under way while others begin and end. */
  readonly waits: boolean;
}

/** The fixed half of `abi.ts`. */
export function abiText(areas: AreaSizes, handles: Handles): string {
  const memory = region("abi", "memory").replaceAll(
    /^(const (params|results): usize = memory\.data\()\d+/gm,
    (_, head: string, area: Area) => `${head}${Math.max(8, Math.ceil(areas[area] / 8) * 8)}`,
  );
  return [
    memory,
    ...(handles.waits ? [region("abi", "async"), region("abi", "gifts")] : []),
    ...(handles.borrows ? [region("abi", "lent", handles.waits ? ["tasks"] : [])] : []),
    ...(handles.imported ? [region("abi", "imported", handles.waits ? ["gifts"] : [])] : []),
    ...(handles.exported ? [region("abi", "exported")] : []),
  ].join("\n");
}
