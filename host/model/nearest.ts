/** The name that was probably meant, for messages about names that were not found. */

/** Letters. Longer names get no suggestion: comparing costs the product of the lengths, and nobody types such names. */
const longest = 200;

/** What guessing may cost: the letters of one name times those of another, for all names that are compared. */
export interface Effort {
  left: number;
}

/** Enough to compare some ten thousand names of usual length, in some hundredths of a second. */
export function newEffort(): Effort {
  return { left: 10_000_000 };
}

/**
 * The closest of some names to one that was not found, when any is close enough to have been meant.
 * @param effort shared by all guesses about one thing; without any left there is no guess
 */
export function nearestName(wanted: string, names: Iterable<string>, effort: Effort = newEffort()): string | undefined {
  let best: string | undefined;
  // A name that shares no letter with the wanted one is no suggestion.
  let bestDistance = Math.min(wanted.length, Math.max(2, Math.floor(wanted.length / 3)) + 1);
  if (wanted.length > longest) return undefined;
  const from = wanted.toLowerCase();
  for (const name of names) {
    if ((effort.left -= 1) < 0) break;
    if (Math.abs(name.length - wanted.length) >= bestDistance) continue;
    if ((effort.left -= wanted.length * name.length) < 0) break;
    const distance = editDistance(from, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** How many letters to change, add, drop or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(substitute, row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, before[j - 2]! + 1);
      next.push(distance);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
