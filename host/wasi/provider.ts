/**
 * `wasi(options)`: a factory of imports, as `createHost` and `load` take one. For each instance it makes a state of its own, and of
 * the faces only those that the component imports.
 */
import { withoutVersion } from "../model/ids.ts";
import type { ExternDecl } from "../model/types.ts";
import type { ImportScope } from "../module/types.ts";
import { checkOptions } from "../runtime/options.ts";
import { environmentFaces } from "./cli/environment.ts";
import { exitFaces } from "./cli/exit.ts";
import { stdioFaces, terminalFaces } from "./cli/stdio.ts";
import { clockFaces, clocksFor } from "./clocks/face.ts";
import { keyvalueFaces } from "./keyvalue.ts";
import { pollFaces } from "./io/poll.ts";
import { streamFaces } from "./io/streams.ts";
import { httpFaces } from "./http/faces.ts";
import { denied } from "./denied.ts";
import { fileFaces } from "./files/faces.ts";
import { type AccessEvent, WASI, type WasiOptions } from "./options.ts";
import { randomFaces } from "./random/face.ts";
import type { Faces, WasiPlatform, WasiScope, WasiState } from "./state.ts";
import { Waiting } from "./waiting.ts";

/** What `wasi` gives: imports, made for each instance. They fit whatever world imports WASI. */
// oxlint-disable-next-line no-explicit-any
export type WasiImports = (scope: WasiScope) => Promise<any>;

/** The faces of every platform. */
const FACES: Faces = {
  ...pollFaces,
  ...streamFaces,
  ...clockFaces,
  ...randomFaces,
  ...environmentFaces,
  ...exitFaces,
  ...stdioFaces,
  ...terminalFaces,
  ...fileFaces,
  ...keyvalueFaces,
  ...httpFaces,
};

/** WASI 0.2 and 0.3, and the drafts before and beside them that have their number. */
const VERSION = /@0\.([23])\.\d+(?:[-+].*)?$/;

const EMPTY: ExternDecl["type"] = { kind: "instance", exports: [] };

export function wasiOn(platform: WasiPlatform, options: WasiOptions = {}): WasiImports {
  checkOptions("wasi", options, WASI);
  const faces = { ...FACES, ...platform.faces };
  return async (scope) => {
    const state = new State(platform, options, scope);
    scope.defer?.(() => state.end(), "wasi");
    const wanted = scope.component?.imports ?? Object.keys(faces).map((name): ExternDecl => ({ name, type: EMPTY }));
    const imports: Record<string, object> = {};
    for (const decl of wanted) {
      const { name } = decl;
      const version = VERSION.exec(name)?.[1];
      if (!name.startsWith("wasi:") || (name.includes("@") && version === undefined)) continue;
      const path = withoutVersion(name);
      const known = version === "3" ? { ...(await import("./p3/faces.ts")).faces, ...platform.faces3 } : faces;
      const face = Object.hasOwn(known, path) ? known[path]! : denied;
      imports[name] = (typeof face === "function" ? face : await face.load())(state, decl);
    }
    return imports;
  };
}

class State implements WasiState {
  readonly module: string;
  readonly hash: string | undefined;
  readonly options: WasiOptions;
  readonly platform: WasiPlatform;
  readonly waiting: Waiting;
  readonly events: ImportScope["events"] | undefined;
  readonly #shared = new Map<object, unknown>();
  readonly #ends: (() => void)[] = [];

  constructor(platform: WasiPlatform, options: WasiOptions, { module, component, events }: WasiScope) {
    this.module = module;
    this.hash = component?.hash;
    this.options = options;
    this.platform = platform;
    this.events = events;
    this.waiting = new Waiting(module, component?.waits === true, clocksFor(this), platform.sleep);
  }

  get watched(): boolean {
    return this.options.onAccess !== undefined || this.platform.audit?.hasSubscribers === true;
  }

  access(from: string, action: string, granted: boolean, target?: string): void {
    const event: AccessEvent = {
      module: this.module,
      interface: from,
      action,
      ...(target !== undefined && { target }),
      granted,
    };
    this.platform.audit?.publish(event);
    try {
      this.options.onAccess?.(event);
    } catch {
      // Who listens fails alone.
    }
  }

  defer(end: () => void): void {
    this.#ends.push(end);
  }

  shared<T>(key: object, make: () => T): T {
    if (!this.#shared.has(key)) this.#shared.set(key, make());
    return this.#shared.get(key) as T;
  }

  /** Ends what is open, last first: all of it, whatever one of them throws. @throws the first error */
  end(): void {
    this.waiting.end();
    const errors: unknown[] = [];
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        end();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
