/** The parts of the module host that are loaded when they are first needed. */
import { lazy } from "../runtime/lazy.ts";

/** What a host needs when modules meet, are replaced, are refused or fail. */
export const upkeep: () => Promise<typeof import("./upkeep.ts")> = lazy("upkeep", () => import("./upkeep.ts"));

/** What a host needs when its imports are traced, or with `profile`. */
export const tracing: () => Promise<typeof import("./tracing.ts")> = lazy("tracing", () => import("./tracing.ts"));

/** What a host needs where rights are granted or signatures demanded. */
export const rights: () => Promise<typeof import("./rights.ts")> = lazy("check of rights", () => import("./rights.ts"));
