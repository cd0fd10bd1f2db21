/**
 * What is said of a component's rights: the public types of `tenon/rights`.
 */
import type { InspectedExtern } from "../runtime/inspect.ts";

/** What a component may reach of the world outside, as far as the interfaces are known by name. */
export type Capability =
  /** `wasi:filesystem`. */
  | "files"
  /** `wasi:sockets`, and requests of `wasi:http`. */
  | "network"
  /** `wasi:cli/environment`: variables, arguments, working directory. */
  | "environment"
  /** `wasi:cli/stdin`, `stdout`, `stderr` and the terminals behind them. */
  | "stdio"
  /** `wasi:cli/exit`: ends its own run. */
  | "exit"
  /** `wasi:clocks`. */
  | "clocks"
  /** `wasi:random`. */
  | "random"
  /** `wasi:config`. */
  | "config"
  /** `wasi:keyvalue`. */
  | "keyvalue"
  /** `tenon:module/console`. */
  | "console";

/** Something a component can do with what it imports. */
export interface Right {
  readonly capability: Capability;
  /** Such as `read` and `write` of files. */
  readonly action: string;
  /** The imports that allow it, such as `wasi:filesystem/types@0.2.3#[method]descriptor.read`. */
  readonly functions: readonly string[];
}

/** An import whose meaning is whatever meets it. */
export interface OpenImport {
  /** An interface, or the name of what the world itself imports. */
  readonly name: string;
  /** `instance`, `func`, `resource-type`, `core-module` or `component`. */
  readonly kind: InspectedExtern["kind"];
  /** The functions and resources of an interface that it imports, as the binary names them; for anything else its own name. */
  readonly items: readonly string[];
  /** The interface that an import with a name of its own says it is. */
  readonly implements?: string;
  /** Whether another module that is loaded, and exports it, may meet it. The option `link` of `load` says which. */
  readonly linkable: boolean;
}

/**
 * What a component is granted, as data for a file: by capability its actions, by interface its functions, `true` for all.
 * An interface stands for every version that semver calls compatible, and without a version for all of them.
 *
 * `{ "files": ["look", "read"], "clocks": true, "my:app/log@1": ["write"], "world": ["now"] }`
 */
export interface Grants extends Readonly<Partial<Record<Capability, Granted>>> {
  /** Functions, resources, core modules and components that the world itself imports, outside of any interface. */
  readonly world?: Granted;
  readonly [id: `${string}:${string}`]: Granted | undefined;
}

/** All, or what is named. */
export type Granted = true | readonly string[];

/** An import or export whose type is another than before. */
export interface ChangedType {
  /** `my:app/log@1.0.0#write`, as the new version names it. */
  readonly name: string;
  /** WIT-like text. */
  readonly from: string;
  readonly to: string;
  /** Where they differ, in words. */
  readonly reason: string;
}

/** What one version of a component imports and exports beside another. */
export interface Update {
  /** SHA-256 of the version before, hex. */
  readonly from: string;
  /** What it needs and the version before did not. */
  readonly added: Grants;
  /** What the version before needed and it does not. */
  readonly dropped: Grants;
  /** Functions and resources that both import, with another type. */
  readonly changed: readonly ChangedType[];
  readonly exports: {
    readonly added: readonly string[];
    readonly dropped: readonly string[];
    readonly changed: readonly ChangedType[];
  };
}

/** What the bytes of a component say of its rights. Plain data: `JSON.stringify` takes it. */
export interface Review {
  /** SHA-256 of the bytes, hex. */
  readonly hash: string;
  /** Whether it imports no function, resource, module or component: it reaches nothing but its arguments and its own memory. */
  readonly pure: boolean;
  /** What it can do with interfaces that are known. */
  readonly rights: readonly Right[];
  /** Imports that are no part of WASI: they do what you, or the module that meets them, make them do. */
  readonly own: readonly OpenImport[];
  /** Interfaces of WASI, or functions of them, that are not known here: what they do cannot be said. */
  readonly unknown: readonly OpenImport[];
  /** What it can never do but by `own` and `unknown`: by capability the actions that nothing it imports allows. */
  readonly never: Readonly<Partial<Record<Capability, readonly string[]>>>;
  /** Grants for exactly what it needs: what `load({ grants })` takes, once somebody has agreed. */
  readonly needs: Grants;
  /** With the option `against`. */
  readonly update?: Update;
  /** With the option `granted`: what it needs beyond that. Without any key when nothing is missing. */
  readonly missing?: Grants;
  /** All of it in sentences. */
  readonly sentences: readonly string[];
  /** The sentences as a text of lines. */
  readonly text: string;
}
