/** The worlds of the example modules, as far as the tour and the page's tests use them. Types only. */
import type { World } from "../../../host/runtime/types.ts";

export type Shape =
  | { tag: "circle"; val: number }
  | { tag: "rectangle"; val: { width: number; height: number } }
  | { tag: "point" };

export interface Hello extends World {
  exports: { greet(name: string): string };
}

export interface Calc extends World {
  exports: {
    api: {
      add(a: number, b: number): number;
      area(shape: Shape): number;
      sum(values: Int32Array | number[]): bigint;
      divide(a: number, b: number): number;
    };
  };
}

export interface Account extends Disposable {
  owner(): string;
  balance(): bigint;
}

export interface Ledger extends World {
  exports: {
    accounts: {
      Account: { new (owner: string): Account; withDeposit(owner: string, cents: bigint): Account };
      transfer(source: Account, target: Account, cents: bigint): void;
      close(account: Account): bigint;
      open(): number;
    };
  };
}

export interface Entry {
  level: string;
  message: string;
  fields: [string, string][];
}

export interface LoggerClient extends World {
  imports: { "demo:log/log@0.1.0": { write(entry: Entry): void; now(): bigint } };
  exports: { run(job: string): number };
}

export interface Floor extends World {
  exports: { measure(width: number, height: number): void; visible(): number };
}

export interface Faulty extends World {
  imports: { "demo:faulty/host": { explode(): void } };
  exports: { faults: { ok(): number; abortWithMessage(message: string): void } };
}

export interface Counter extends World {
  exports: { counts: { increment(by: number): bigint; value(): bigint } };
}

export interface Prices extends World {
  exports: {
    basket: {
      total(things: readonly string[]): Promise<bigint>;
      receipt(things: readonly string[]): Promise<AsyncIterable<Uint8Array>>;
    };
  };
}

export interface Shout extends World {
  exports: {
    shout(text: AsyncIterable<Uint8Array>): Promise<{ readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> }>;
  };
}
