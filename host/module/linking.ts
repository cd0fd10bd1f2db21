/** The part of the module host that links modules to each other and reloads them: it compares types, in words. */
export { checkWorld, chooseProvider } from "./fit.ts";
export { loadOrder } from "./order.ts";
export { reloadModule } from "./reload.ts";
