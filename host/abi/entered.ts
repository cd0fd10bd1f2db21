/** The values of `ComponentState.entered`. Whoever may not be called has a greater one than {@link ENTERED}. */
export const IDLE = 0;
export const ENTERED = 1;
/** Of the root alone, as the next: a fault anywhere in it has locked the whole instance. */
export const TRAPPED = 2;
/** Locked as one that has trapped (the bit of 2), and gone (the bit of 4). */
export const UNLOADED = 6;
