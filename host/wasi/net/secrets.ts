/**
 * Secrets that a guest may use and not know: the option `secrets`.
 *
 * The guest has a placeholder, in the environment variable of the secret's name. Where one stands in a header or the query of a
 * request, the secret takes its place on the way to a host that it is for. A request that has one for another host is refused.
 * Bodies are left as they are: they stream, their length may have been told, and servers give back what is wrong with them.
 */
import { generatorOf } from "../random/generator.ts";
import type { WasiState } from "../state.ts";
import type { Host } from "./address.ts";
import { names, type Rule, ruleOf } from "./rules.ts";

interface Held {
  readonly name: string;
  readonly placeholder: string;
  readonly value: string;
  readonly rules: readonly Rule[];
}

/** Random bytes of a placeholder. */
const LENGTH = 16;

export class Secrets {
  readonly #all: readonly Held[];

  constructor({ options: { secrets = {}, random } }: Pick<WasiState, "options">) {
    // Of a generator of its own, so that a guest whose numbers have a seed gets the same ones with secrets and without.
    const generator = generatorOf(typeof random === "object" ? { seed: `secrets of ${random.seed}` } : random);
    this.#all = Object.entries(secrets).map(([name, { value, hosts }]) => {
      const bytes = new Uint8Array(LENGTH);
      generator.fill(bytes);
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const rules = hosts.map((host, at) => ruleOf(host, `secrets.${name}.hosts[${at}]`));
      return { name, placeholder: `secret-${hex}`, value, rules };
    });
  }

  /** What the guest finds in its environment. */
  get variables(): (readonly [name: string, placeholder: string])[] {
    return this.#all.map(({ name, placeholder }) => [name, placeholder]);
  }

  /** Whether a text has a placeholder of a secret that is not for a host. */
  misused(text: string, host: Host, port: number, encrypted: boolean): boolean {
    const isFor = ({ rules }: Held): boolean =>
      rules.some((rule) => names(rule, host, port) && (encrypted || rule.port !== undefined));
    return this.#all.some((held) => text.includes(held.placeholder) && !isFor(held));
  }

  /**
   * Puts secrets in the place of their placeholders; to be asked {@link misused} before.
   * @param spell how a secret is written there
   */
  reveal(text: string, spell: (value: string) => string = (value) => value): string {
    return this.#replaced(text, (held) => [held.placeholder, spell(held.value)]);
  }

  /** Puts placeholders in the place of secrets, in what is told of a failure. */
  conceal(text: string): string {
    const plain = this.#replaced(text, (held) => [held.value, held.placeholder]);
    return this.#replaced(plain, (held) => [encodeURIComponent(held.value), held.placeholder]);
  }

  #replaced(text: string, pair: (held: Held) => readonly [from: string, to: string]): string {
    return this.#all.reduce((done, held) => {
      const [from, to] = pair(held);
      return done.includes(from) ? done.split(from).join(to) : done;
    }, text);
  }
}

/** A header's value as a text that placeholders can be seen in. */
export interface Readable {
  readonly text: string;
  /** The value that has another text. */
  written(text: string): string;
}

/** Of `Basic` credentials, the user and password, which stand there as base64. */
export function readable(name: string, value: string): Readable {
  const [, scheme, encoded] = /^(basic +)([\w+/]+=*) *$/i.exec(value) ?? [];
  if (name.toLowerCase() === "authorization" && encoded !== undefined) {
    try {
      const text = atob(encoded);
      return { text, written: (other) => (other === text ? value : scheme! + btoa(other)) };
    } catch {
      // No base64.
    }
  }
  return { text: value, written: (text) => text };
}

/** The secrets of an instance. */
export function secretsOf(state: WasiState): Secrets {
  return state.shared(Secrets, () => new Secrets(state));
}
