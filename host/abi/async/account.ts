/** What the tasks of an instance ask of what keeps its limits, where there are some: each call of the host's has an account. */

/** What a call of the host's may take, and has taken. */
export interface Account {
  readonly signal: AbortSignal | undefined;
  /**
   * The call has not ended at once.
   * @param name of the module
   * @param path of the export
   * @param giveUp ends it when its time is over and the guest waits
   */
  watch(name: string, path: string, giveUp: (error: Error) => void): void;
  /** The call has ended, whatever its task still does. */
  end(): void;
}

export interface Meter {
  /** A call is made. */
  open(): Account | undefined;
  /** The guest begins to run, on an account where one is known. */
  begin(account?: Account): void;
  /** Whether it has taken more than it may, which ends it. */
  isSpent(): boolean;
  /** The guest has run. */
  finish(): void;
}
