/**
 * Time as a script has it: turns of the event loop.
 *
 * Nothing outside of the components answers anything here, so a call that is not settled after many turns will never be.
 */

import { inspect } from "node:util";

/** A call that yields to others may take many turns; one that waits for nobody takes for ever. */
const MOST_TURNS = 2000;
/** Turns in which what has been settled is told on, from promise to promise. */
const TELLING_TURNS = 10;

/** A promise that is not settled while nothing else goes on. */
export class Unsettled extends Error {
  override readonly name = "Unsettled";
}

/** Whether a promise has been settled, without a turn to ask it in. */
export function isSettled(promise: Promise<unknown>): boolean {
  return !inspect(promise, { depth: 0 }).includes("<pending>");
}

/** The end of this turn: every reaction to promises has run, and one round of what waits for the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/**
 * What a promise gives.
 * @param trapIfStuck ends what can never settle it, after the turns in which what has been settled is told on
 * @throws {Unsettled} when it gives nothing within many turns
 */
export async function settled<T>(promise: Promise<T>, trapIfStuck: () => void = () => {}): Promise<T> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  promise.then(settle, settle);
  for (let turn = 0; !isSettled; turn++) {
    if (turn === MOST_TURNS) throw new Unsettled(`The call is not settled after ${MOST_TURNS} turns of the event loop`);
    if (turn > TELLING_TURNS) trapIfStuck();
    await nextTurn();
  }
  return await promise;
}
