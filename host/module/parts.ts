/** The parts of the module host that are loaded when they are first needed. */
import { part } from "../runtime/lazy.ts";

/** What a host needs when modules meet, are replaced, are refused or fail. */
export const upkeep: () => Promise<typeof import("./upkeep.ts")> = part("upkeep", () => import("./upkeep.ts"));

/** Whether memory was freed, and the words for when there is none. */
export const proof: () => Promise<typeof import("./life/proof.ts")> = part(
  "proof of freeing",
  () => import("./life/proof.ts"),
);
