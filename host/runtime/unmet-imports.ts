/**
 * Why imports are not met, in words: what was wanted, what came, and the key that may have been meant.
 */
import type { LinkIssue } from "../errors.ts";
import { versionOf, withoutVersion } from "../model/ids.ts";
import { type Effort, nearestName, newEffort } from "../model/nearest.ts";
import { className, funcName } from "../model/spelling.ts";
import { formatExtern } from "../model/text.ts";
import type { KeptPlan } from "../plan/plan.ts";
import { describe } from "../words.ts";
import type { Unmet } from "./given-imports.ts";
import type { GivenNames } from "./given-names.ts";

/** An issue for every import that is not met. */
export function explainUnmet(plan: KeptPlan, unmet: readonly Unmet[]): LinkIssue[] {
  const explainer = new Explainer(plan);
  return unmet.map((each) => explainer.issue(each));
}

/** Letters of interfaces' names in the issues of one link; beyond that, each is shortened. */
const MOST_LETTERS = 4_000_000;
const SHORT = 200;

/** The names that a component imports from one place, and from the places in it. */
interface Wanted {
  readonly names: Set<string>;
  readonly inner: Map<string, Wanted>;
}

class Explainer {
  private readonly plan: KeptPlan;
  private readonly effort = newEffort();
  private readonly guesses = new Map<object, Guesses>();
  private allWanted: Wanted | undefined;
  /** Of the interfaces' names so far: thousands of functions may share one long name. */
  private letters = 0;

  constructor(plan: KeptPlan) {
    this.plan = plan;
  }

  issue(unmet: Unmet): LinkIssue {
    const { place, found, func, holder } = unmet;
    const wanted = unmet.path.at(-1)!;
    const expected = unmet.expected + (func === undefined ? "" : formatExtern(func, this.plan.hostFuncs.length));
    this.letters += place.path.length;
    const path = this.letters > MOST_LETTERS ? short(place.path) : place.path;
    const name = `${path}${wanted}`;
    if (found !== undefined) {
      const got = describe(found);
      const nearest = holder === place.names.holder ? keyFor(place.names, wanted) : memberName(wanted);
      const reason = `expected ${expected}, got ${got}`;
      return {
        import: name,
        problem: "mismatch",
        expected,
        found: got,
        ...(nearest !== undefined && { nearest }),
        reason,
      };
    }
    const near = this.guessesFor(unmet).nearest(wanted, this.effort);
    const hint = near === undefined ? "" : `; the nearest is ${near.name}${near.why}`;
    const nearest = near === undefined ? {} : { nearest: near.name };
    return {
      import: name,
      problem: "missing",
      expected,
      ...nearest,
      reason: `expected ${expected}, got nothing${hint}`,
    };
  }

  /** The keys of an object that meet no import: one of them may be the name that was meant. */
  private guessesFor({ path, place: { names }, holder }: Unmet): Guesses {
    let guesses = this.guesses.get(holder);
    if (guesses === undefined) {
      // The members of a class are not asked for one by one.
      const wanted = holder === names.holder ? this.wantedBeside(path) : [];
      const used = new Set([...wanted].map((name) => keyFor(names, name)));
      guesses = new Guesses(Object.keys(holder).filter((key) => !used.has(key)));
      this.guesses.set(holder, guesses);
    }
    return guesses;
  }

  /** All that is wanted of the place that should hold the last name of a path. */
  private wantedBeside(path: readonly string[]): Iterable<string> {
    if (this.allWanted === undefined) {
      this.allWanted = { names: new Set(this.plan.imports.map(({ name }) => name)), inner: new Map() };
      for (const func of this.plan.hostFuncs) {
        let at = this.allWanted;
        for (const [depth, name] of func.path.entries()) {
          at.names.add(name);
          if (depth === func.path.length - 1) break;
          const next: Wanted = at.inner.get(name) ?? { names: new Set(), inner: new Map() };
          at.inner.set(name, next);
          at = next;
        }
      }
    }
    let at: Wanted | undefined = this.allWanted;
    for (const name of path.slice(0, -1)) at = at?.inner.get(name);
    return at?.names ?? [];
  }
}

/** The key under which a place holds a name; of a resource's functions, that of its class. */
function keyFor(names: GivenNames, name: string): string | undefined {
  const func = funcName(name);
  return func.kind === "function" ? names.find(name)?.key : className(func.resource);
}

/** The name of an interface, where all names together would be too long. */
function short(path: string): string {
  return path.length > SHORT ? `${path.slice(0, SHORT)}…#` : path;
}

function memberName(name: string): string {
  const func = funcName(name);
  return func.kind === "constructor" ? className(func.resource) : func.js;
}

/** Keys among which the name that was meant may be. */
class Guesses {
  readonly #keys: readonly string[];
  readonly #byPath = new Map<string, string>();

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    for (const key of keys) {
      const path = withoutVersion(key);
      if (path !== key && !this.#byPath.has(path)) this.#byPath.set(path, key);
    }
  }

  /** The key that most resembles a name, with why it does not fit when that is known. */
  nearest(wanted: string, effort: Effort): { readonly name: string; readonly why: string } | undefined {
    const want = versionOf(wanted);
    const other = want === undefined ? undefined : this.#byPath.get(withoutVersion(wanted));
    if (other !== undefined)
      return { name: other, why: `, whose version ${versionOf(other)} is not compatible with ${want}` };
    const name = nearestName(wanted, this.#keys, effort);
    return name === undefined ? undefined : { name, why: "" };
  }
}
