/** What the generated text and its callers agree on: the states of a root instance and the version of the text. */

/** Values of `e0`: the root is running, has trapped, has been unloaded; 0 is idle. */
export const ENTERED = 1;
export const TRAPPED = 2;
export const UNLOADED = 6;

/**
 * Locks the root, unless it is locked or unloaded already. A statement and not a function: a fault may come at the very
 * end of the stack, where nothing can be called.
 */
export const LOCK: string = `if (e0 < ${TRAPPED}) e0 = ${TRAPPED};`;

/** The version of the generated text; a change that makes older text unusable must raise it. */
export const FORMAT = 2;
