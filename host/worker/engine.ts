/**
 * The engine of what does not run as one instance in this thread, whose calls end at once: instances in workers, one or several,
 * and those of this thread whose calls may wait. What a component is, is known in this thread, where its imports are; in workers
 * it runs by the engine that they have.
 */
import { UnsupportedError, UsageError } from "../errors.ts";
import type { Content, Engine, EngineComponent, EnginePlatform, Isolation, Opened, Recipe } from "../runtime/engine.ts";
import { openWaiting } from "../runtime/jspi.ts";
import type { Faults } from "../runtime/lazy.ts";
import { nearestName } from "../model/nearest.ts";
import type { ThreadComponent } from "../runtime/component.ts";
import type { Limiting } from "./call.ts";
import type { Threads } from "./messages.ts";
import { Pool, type Plan } from "./pool.ts";
import { Sending } from "./sending.ts";
import { type Func, hasAsyncValues, linkedPlan, type Surface, surfaceOf, waitedFor } from "./surface.ts";
import { passingHere, ThreadMember } from "./thread-member.ts";
import { Trail } from "./trail.ts";
import { WorkerMember } from "./worker-member.ts";

/** How many calls may wait where nothing else is said. */
const QUEUE = 10_000;

/**
 * What of the host's first page is needed here comes from the platform or is asked for when it is needed: an import of it would
 * have bundlers cut that page in more pieces.
 */
export function workerEngine(threads: Threads): Engine {
  const trail = new Trail(threads.store);
  return {
    async open(content, recipe, platform) {
      const { isolation, jspi } = recipe;
      const { instances = 1 } = recipe;
      checkIsolation(isolation);
      if (!Number.isSafeInteger(instances) || instances < 1) {
        throw new UsageError(`Expected instances to be an integer of at least 1, got ${instances}`);
      }
      const here = platform as EnginePlatform;
      if (jspi === true) return inThisThread(content, recipe, here, trail);
      if (isolation !== "worker" && isolation !== "worker-sync") {
        // Calls end in the order they begin: a second instance would stand by, with a state of its own.
        throw new UsageError(
          `instances: ${instances} needs jspi: true or isolation: "worker": in this thread one call ends before the next begins, and onTrap: "restart" has a fresh instance ready at once`,
        );
      }
      const sync = isolation === "worker-sync";
      if (sync && threads.cannotBlock !== undefined) {
        throw new UnsupportedError("worker", `isolation: "worker-sync" needs ${threads.cannotBlock}`);
      }
      const { body, limits } = content;
      if ("instantiate" in body) {
        throw new UsageError(
          `The module "${body.name}" was written by \`tenon bind\`, and cannot be sent to a worker: load it without isolation, or the component that it was made from`,
        );
      }
      const bytes =
        body instanceof Uint8Array
          ? body
          : (await (await import("../runtime/compiler.ts")).receive(body, limits)).bytes;
      // Limits are the worker's; here nothing runs.
      const opened = await here.engines.thread.open({ ...content, body: bytes }, { limits: {} }, platform);
      const prepare = async (name?: string): Promise<EngineComponent> => {
        const component = (await opened.prepare(name)) as ThreadComponent;
        const surface = surfaceOf(component.imports, component.exports);
        const { channels } = surface;
        if (sync && channels !== undefined) refuseChannels(component.name, channels);
        const bridge = hasAsyncValues(surface) ? await import("./channels.ts") : undefined;
        const how = { threads, trail, sync, surface, bridge, ...(await parts()) };
        return inWorkers(component, { ...content, body: bytes }, recipe, how);
      };
      return { ...opened, prepare } satisfies Opened;
    },
  };
}

async function parts(): Promise<Pick<How, "faults" | "limiting">> {
  const [faults, limiting] = await Promise.all([import("../runtime/faults.ts"), import("../runtime/call-limits.ts")]);
  return { faults, limiting };
}

const PLACES: readonly string[] = ["thread", "worker", "worker-sync"] satisfies Isolation[];

function checkIsolation(isolation: string = "thread"): void {
  if (PLACES.includes(isolation)) return;
  const near = nearestName(isolation, PLACES);
  throw new UsageError(
    `Expected isolation to be "thread", "worker" or "worker-sync", got ${isolation}${near === undefined ? "" : `; did you mean ${near}?`}`,
  );
}

/** A thread that waits for a worker can neither read nor be asked for elements. */
function refuseChannels(name: string, { path }: Func): never {
  throw new UnsupportedError(
    "worker",
    `"${name}" passes streams or futures (${path.join("#")}), for which isolation: "worker-sync" has no thread left: load it with isolation: "worker", or without isolation`,
  );
}

interface How {
  readonly surface: Surface;
  readonly bridge: typeof import("./channels.ts") | undefined;
  readonly threads: Threads;
  readonly trail: Trail;
  readonly sync: boolean;
  readonly faults: Faults;
  readonly limiting: Limiting;
}

function inWorkers(
  component: ThreadComponent,
  { body, from, limits }: Content & { readonly body: Uint8Array<ArrayBuffer> },
  recipe: Recipe,
  { threads, trail, sync, surface, bridge, faults, limiting }: How,
): EngineComponent {
  return {
    name: component.name,
    hash: component.hash,
    imports: component.imports,
    exports: component.exports,
    asynchronous: !sync,
    waits: !sync,
    describe: () => component.describe(),
    missing: (imports) => component.missing(imports),
    async start(imports, { name = component.name, onTrap } = {}) {
      const missing = component.missing(imports);
      if (missing.length > 0) throw faults.linkError(`Cannot link ${name}`, missing);
      const waited = threads.cannotWait === undefined ? undefined : waitedFor(surface);
      if (waited !== undefined) {
        const first = waited.join("#");
        throw new UnsupportedError(
          "worker",
          `"${name}" imports ${first}, which its worker would have to wait for: ${threads.cannotWait}`,
        );
      }
      const linked = component.link(imports, linkedPlan(surface));
      const { instances = 1, queue = QUEUE } = recipe;
      const { timeoutMs } = recipe.limits;
      // Its limits of reading have been kept; a signal is none of the worker's.
      const job = { bytes: body, from, recipe, limits: { maxBytes: limits.maxBytes }, name, modules: linked.modules };
      const { exports } = component;
      const counts = limiting.countsSteps(recipe);
      const shared = { name, surface, linked, threads, trail, job, sync, counts, bridge, members: new WeakMap() };
      return Pool.start({
        ...{
          name,
          surface,
          exports,
          linked,
          trail,
          faults,
          limiting,
          sync,
          counts,
          instances,
          queue,
          timeoutMs,
          onTrap,
        },
        kind: "worker",
        passing: new Sending(shared),
        make: (classes, events) => new WorkerMember({ ...shared, classes }, events),
      });
    },
  };
}

async function inThisThread(content: Content, recipe: Recipe, platform: EnginePlatform, trail: Trail): Promise<Opened> {
  const opened = await openWaiting(content, recipe, platform);
  const { instances = 1, queue = QUEUE } = recipe;
  const { timeoutMs } = recipe.limits;
  if (instances === 1) return opened;
  const prepare = async (named?: string): Promise<EngineComponent> => {
    const [component, { faults, limiting }] = await Promise.all([opened.prepare(named), parts()]);
    const { exports } = component;
    const surface = surfaceOf(component.imports, exports);
    return {
      ...component,
      start(imports, { name = component.name, onTrap } = {}) {
        const homes = new WeakMap<object, ThreadMember>();
        const start = (locked: (trap: Error) => void): ReturnType<typeof component.start> =>
          component.start(imports, { name, onTrap: locked });
        const linked = component.link(imports, linkedPlan(surface));
        const counts = limiting.countsSteps(recipe);
        return Pool.start({
          ...{
            name,
            surface,
            exports,
            linked,
            trail,
            faults,
            limiting,
            sync: false,
            counts,
            instances,
            queue,
            timeoutMs,
            onTrap,
          },
          kind: "instance",
          passing: passingHere(homes, faults),
          make: (classes, events) => new ThreadMember({ surface, exports, limiting, homes, classes, start }, events),
        } satisfies Plan);
      },
    };
  };
  return { ...opened, prepare };
}
