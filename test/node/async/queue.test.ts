/** The queue of the scheduler: the order of an array, without its cost. */
import { expect, inject, test } from "vitest";
import { Queue } from "../../../host/abi/async/queue.ts";

test("Queue gives what an array gives, however it is used and however long it gets", () => {
  let state = inject("seed");
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const queue = new Queue<number>();
  const array: number[] = [];
  let next = 0;
  // Longer and shorter in turns, beyond what is moved at once.
  for (let step = 0; step < 60_000; step++) {
    const grows = Math.floor(step / 6000) % 2 === 0;
    const choice = random();
    if (choice < (grows ? 0.7 : 0.2)) {
      queue.push(next);
      array.push(next++);
    } else if (choice < 0.97) {
      expect(queue.shift()).toBe(array.shift());
    } else if (choice < 0.98) {
      queue.unshift(next);
      array.unshift(next++);
    } else if (array.length > 0) {
      const at = Math.floor(random() * array.length);
      expect(queue.at(at)).toBe(array[at]);
      if (choice < 0.99) queue.removeAt(at);
      else queue.remove(array[at]!);
      array.splice(at, 1);
    }
    if (queue.length !== array.length) expect(queue.length).toBe(array.length);
  }
  expect(queue.some((item) => item === array.at(-1))).toBe(array.length > 0);
  expect(queue.some((item) => item === -1)).toBe(false);
  while (array.length > 0) expect(queue.shift()).toBe(array.shift());
  expect(queue.shift()).toBeUndefined();
  queue.remove(1);
});
