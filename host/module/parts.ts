/** The part of the module host that is loaded when it is first needed. */
import { part } from "../runtime/parts.ts";

/** What a host needs when modules meet, are replaced, are refused or fail. */
export const upkeep: () => Promise<typeof import("./upkeep.ts")> = part("upkeep", () => import("./upkeep.ts"));
