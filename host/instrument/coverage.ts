/**
 * Which loops of a function body, and whether its entry, can do without a check of their own, as every way passes another.
 *
 * Steps are taken off the counter where a function is entered and at each turn of a loop; whether any are left need not be
 * looked at as often. No code may run for ever, or for long, between two checks. A loop needs none where every way from its
 * head back to its head passes one: the head of a loop within it that checks, or a call of a function that does.
 *
 * What is called counts as a check only where the callee is sure to check before it does anything else: before it calls what
 * may not check, returns, or is left. A function that checks at its entry does. Another one has every way from its entry pass
 * the head of a loop that checks or a call of a function *of a lower number* before all those. So each is sure by those below
 * it, and no two by each other: recursion always passes an entry that checks. Functions that their callers count
 * never check; imports, and what is called through a table, may not.
 *
 * The ways are followed in one pass. At each place it is known how many of the places around it are covered: the entry, then
 * the loops that are open, from the outermost; one that is covered has all around it covered, as ways into a loop lead through
 * its head. Where ways meet, the least is right. Whether a loop checks is known at its end only: until then what branches take
 * out of it waits, and when it does check they have everything covered, for they have passed its head.
 *
 * A function that throws or catches is not followed: all its loops check, and so does its entry.
 */

/** Code that nothing reaches: it restricts nothing. */
const NEVER = 0x3fff_ffff;
/** More than there can be to cover: of code that is reached by a look only. */
const ALL = NEVER - 1;
/** The target of what leaves the function. */
const ENTRY = -1;
/** Branches that wait for the ends of loops: with more, a loop within which they are is taken for one that does not check. */
const MOST_WAITING = 256;

/** What a call says of checks. */
export const CALLEE = {
  /** It is counted by its callers and calls nothing that comes back, or nothing at all. */
  silent: 0,
  /** It may call anything before it checks. */
  unknown: 1,
  /** It is sure to check, but its number is not lower: the entry cannot rely on it. */
  checks: 2,
  /** It is sure to check, and its number is lower. */
  checksBelow: 3,
} as const;

/** Used anew for each body. */
export class Coverage {
  /** Whether the entry, at 0, and each loop need a check, by the number of their stretch. */
  readonly checks: boolean[] = [];
  /** Whether a loop that checks is within. */
  readonly nests: boolean[] = [];

  /** How many of the entry and the open loops are covered here. */
  private covered = 0;
  /** The least that those who leave the function, or call what may not check, have. */
  private entryReach = NEVER;
  // For each open block: the least that branches bring to its label; what `if` began with, while it may be passed by; for
  // loops, the number of their stretch, -1 for others; and how many branches waited when they began.
  private readonly reach: number[] = [];
  private readonly passed: number[] = [];
  private readonly stretches: number[] = [];
  private readonly waitedBefore: number[] = [];
  /** The open blocks that are loops. */
  private readonly loops: number[] = [];
  /** Targets, and what is covered where the branch is. */
  private readonly waiting: number[] = [];

  begin(): void {
    this.covered = 0;
    this.entryReach = NEVER;
    this.nests.length = this.checks.length = this.reach.length = this.passed.length = this.stretches.length = 0;
    this.waitedBefore.length = this.loops.length = this.waiting.length = 0;
  }

  block(): void {
    this.open(NEVER, -1);
  }

  if(): void {
    this.open(this.covered, -1);
  }

  else(): void {
    const at = this.reach.length - 1;
    this.meet(at, this.covered);
    this.covered = this.passed[at]!;
    this.passed[at] = NEVER;
  }

  loop(stretch: number): void {
    this.loops.push(this.reach.length);
    this.open(NEVER, stretch);
  }

  /** The end of a block, or of the function. */
  end(): void {
    if (this.reach.length === 0) {
      this.leave();
      this.checks[0] = this.entryReach === 0;
      return;
    }
    const reach = this.reach.pop()!;
    const passed = this.passed.pop()!;
    const stretch = this.stretches.pop()!;
    const waitedBefore = this.waitedBefore.pop()!;
    if (stretch === -1) this.covered = Math.min(this.covered, reach, passed);
    else {
      const checks = reach < this.everything;
      this.checks[stretch] = checks;
      this.loops.pop();
      const outer = this.loops.at(-1);
      if (outer !== undefined && (checks || this.nests[stretch])) this.nests[this.stretches[outer]!] = true;
      if (checks) {
        for (let i = waitedBefore; i < this.waiting.length; i += 2) this.meet(this.waiting[i]!, ALL);
        this.waiting.length = waitedBefore;
        this.check();
      } else this.settle(waitedBefore);
    }
    // What was covered of a loop that has ended says nothing of the next one.
    if (this.covered !== NEVER) this.covered = Math.min(this.covered, this.everything);
  }

  branch(label: number): void {
    this.bring(Math.max(this.reach.length - 1 - label, ENTRY));
  }

  /** The function is left. */
  leave(): void {
    this.bring(ENTRY);
  }

  /** Nothing reaches what follows. */
  stop(): void {
    this.covered = NEVER;
  }

  call(callee: number): void {
    if (callee === CALLEE.unknown || callee === CALLEE.checks) this.leave();
    if (callee >= CALLEE.checks) this.check();
  }

  /** How many there are to cover: the entry and the open loops. */
  private get everything(): number {
    return this.loops.length + 1;
  }

  private check(): void {
    if (this.covered !== NEVER) this.covered = this.everything;
  }

  private open(passed: number, stretch: number): void {
    this.reach.push(NEVER);
    this.passed.push(passed);
    this.stretches.push(stretch);
    this.waitedBefore.push(this.waiting.length);
  }

  private meet(target: number, covered: number): void {
    if (target === ENTRY) this.entryReach = Math.min(this.entryReach, covered);
    else this.reach[target] = Math.min(this.reach[target]!, covered);
  }

  private bring(target: number): void {
    if (this.covered === NEVER) return;
    if (target >= (this.loops.at(-1) ?? ENTRY) || this.waiting.length >= MOST_WAITING) this.meet(target, this.covered);
    else this.waiting.push(target, this.covered);
  }

  /** A loop that does not check has ended: what waited from `from` on has not passed a check there. */
  private settle(from: number): void {
    const { waiting } = this;
    const loop = this.loops.at(-1) ?? ENTRY;
    let kept = from;
    for (let i = from; i < waiting.length; i += 2) {
      const target = waiting[i]!;
      if (target >= loop) this.meet(target, waiting[i + 1]!);
      else {
        waiting[kept++] = target;
        waiting[kept++] = waiting[i + 1]!;
      }
    }
    waiting.length = kept;
  }
}
