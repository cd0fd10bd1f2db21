/** The part of the module host that links modules to each other, loaded when two first meet: types compared, in words. */
export { explainMismatch } from "../model/subtype.ts";
export { checkDependents, checkWorld, chooseProvider } from "./fit.ts";
export { loadOrder } from "./order.ts";
