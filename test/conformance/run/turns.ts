/**
 * Time as a script has it: turns of the event loop.
 *
 * Nothing outside of the components answers anything here, so a call that is not settled after many turns will never be.
 */

/** A call that yields to others may take many turns; one that waits for nobody takes for ever. */
const MOST_TURNS = 2000;
/** Turns in which what has been settled is told on, from promise to promise. */
const STUCK_TURNS = 10;

/** A promise that is not settled while nothing else goes on. */
export class Unsettled extends Error {
  override readonly name: string = "Unsettled";
}

/** As {@link Unsettled}, and the instance says that nothing in it can go on by itself. */
export class Deadlock extends Unsettled {
  override readonly name = "Deadlock";
}

/** The end of this turn: every reaction to promises has run, and one round of what waits for the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/**
 * What a promise gives.
 * @param isStuck whether nothing can go on by itself, as what made the promise says; it may settle in this turn
 * @throws {Deadlock} when it gives nothing, and is stuck for some turns on end
 * @throws {Unsettled} when it gives nothing within many turns
 */
export async function settled<T>(promise: Promise<T>, isStuck: () => boolean = () => false): Promise<T> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  promise.then(settle, settle);
  let stuck = 0;
  for (let turn = 0; !isSettled; turn++) {
    if (turn === MOST_TURNS) throw new Unsettled(`The call is not settled after ${MOST_TURNS} turns of the event loop`);
    await nextTurn();
    stuck = isStuck() ? stuck + 1 : 0;
    if (stuck === STUCK_TURNS && !isSettled) throw new Deadlock("The call is not settled, and nothing can go on");
  }
  return await promise;
}
