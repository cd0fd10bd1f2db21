/**
 * The part of a host that is needed when modules meet each other, are replaced, several at once or there already, and when
 * something is refused, fails or traps. It compares types and finds words; the calls never come here.
 */
export { chooseProvider, demandWorld, linkError } from "./fit.ts";
export { checkIntegrity } from "./integrity.ts";
export { explainRefusal } from "./refusal.ts";
export { prepareUnload, stillRunning } from "./refuse.ts";
export { reloadModule } from "./reload.ts";
export { Restarter } from "./restart.ts";
export { checkSame, listComponents, loadAll, missingImports } from "./several.ts";
