/** The part of the module host that is loaded when it is first needed. */
import { part } from "../runtime/parts.ts";

/** What a host needs to link modules to each other and to reload them. */
export const linking: () => Promise<typeof import("./linking.ts")> = part("linking", () => import("./linking.ts"));
