/**
 * The part of a host that is needed when modules meet each other, are replaced, several at once or there already, and when
 * something is refused, fails or traps. It compares types and finds words; the calls never come here.
 */
export { ModuleChoices } from "./imports/module-choices.ts";
export { linkError } from "../runtime/link-error.ts";
export { demandFit } from "./imports/demand.ts";
export { inspectContent } from "./source/inspect.ts";
export { checkIntegrity } from "./source/integrity.ts";
export { demandedBytes, explainRefusal, noSource } from "./source/refusal.ts";
export { memoryLimitError } from "./life/memory-limit.ts";
export { prepareUnload, stillRunning } from "./life/refuse.ts";
export { reloadModule } from "./life/reload.ts";
export { withSuspects } from "./life/suspects.ts";
export { restartsBy } from "./life/restart.ts";
export { hostConsole } from "./imports/host-console.ts";
export { checkSame, listComponents, loadAll, missingImports } from "./several.ts";
