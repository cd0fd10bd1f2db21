/** What tests of the module host share: hosts that are closed after each test, and errors as values. */
import { afterEach } from "vitest";
import { createHost, type Host, type HostOptions, type Module } from "../../../host/node/index.ts";

/** A module whose exports only the test knows. */
export type Any = Module<{ imports: object; exports: any }>;

const hosts: Host[] = [];

/** A host that is closed when the test ends, however it ends. */
export function host(options?: HostOptions): Host {
  const made = createHost(options);
  hosts.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((made) => made.close()));
});

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a promise is rejected with; `undefined` when it is not. */
export const caught = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** An import whose calls end when the test says so. */
export function gate(): { poke(value: number): Promise<void>; open(): void; readonly inside: number[] } {
  const inside: number[] = [];
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    inside,
    open,
    poke: async (value) => {
      inside.push(value);
      await opened;
    },
  };
}

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(1);
};
