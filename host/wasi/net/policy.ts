/**
 * What of the network a guest may reach: the option `net`.
 *
 * A name that is allowed allows the public addresses that it resolves to. An address of this machine or of a private network has to
 * be allowed itself, whichever name leads to it: a name can be made to lead anywhere.
 */
import { after, type MaybePromise } from "../maybe.ts";
import type { WasiState } from "../state.ts";
import { type Address, type Host, hostAt, isLocalName, isLoopback, isPublic } from "./address.ts";
import type { NetRequest } from "./types.ts";
import { names, type Rule, ruleOf } from "./rules.ts";

type Wanted = Pick<NetRequest, "protocol" | "port"> & { readonly host: Host };

export class NetPolicy {
  readonly #module: string;
  readonly #decide: (want: Wanted, name?: string) => MaybePromise<boolean>;

  constructor({ module, options: { net = [] } }: Pick<WasiState, "module" | "options">) {
    this.#module = module;
    if (typeof net === "function") this.#decide = this.#asking(net);
    else {
      const rules: readonly Rule[] = net.map(ruleAt);
      this.#decide = ({ host, port }) => rules.some((rule) => names(rule, host, port));
    }
  }

  /** Whether a guest may reach what it names. Addresses that a name leads to are {@link leadsTo}'s. */
  allows(want: Wanted): MaybePromise<boolean> {
    return this.#decide(want);
  }

  /**
   * Those of a host's addresses that may be connected to.
   * @param want what was allowed
   * @param found what the name has been resolved to, once: nobody asks again before connecting
   */
  leadsTo(want: Wanted, found: readonly Address[]): MaybePromise<readonly Address[]> {
    const { host } = want;
    if (host.address !== undefined) return [host.address];
    const allowed: Address[] = [];
    const next = (at: number): MaybePromise<readonly Address[]> => {
      for (; at < found.length; at++) {
        const to = hostAt(found[at]!);
        const address = to.address!;
        if (isPublic(address) || (isLocalName(host) && isLoopback(address))) allowed.push(address);
        else {
          const is = this.#decide({ ...want, host: to }, host.text);
          const rest = at + 1;
          if (is === true) allowed.push(address);
          else if (is !== false)
            return after(is, (yes) => {
              if (yes) allowed.push(address);
              return next(rest);
            });
        }
      }
      return allowed;
    };
    return next(0);
  }

  #asking(ask: (request: NetRequest) => MaybePromise<boolean>): (want: Wanted, name?: string) => MaybePromise<boolean> {
    return ({ protocol, host, port }, name) =>
      // What is no yes is a no.
      after(ask({ module: this.#module, protocol, host: host.text, port, name }), (said) => said === true);
  }
}

/** The policy of an instance. */
export function policyOf(state: WasiState): NetPolicy {
  return state.shared(NetPolicy, () => new NetPolicy(state));
}

function ruleAt(entry: string, index: number): Rule {
  return ruleOf(entry, `net[${index}]`);
}
