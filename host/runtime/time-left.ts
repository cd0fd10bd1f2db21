/** How long the call under way may still take, for whoever blocks this thread on its behalf. Told by the limits, when they are loaded. */

export const timeLeft: {
  /** Milliseconds, of the tightest limit of those that run; not above 0 when it is over, and the call ends as soon as its import returns. */
  ms(): number;
} = { ms: () => Infinity };
