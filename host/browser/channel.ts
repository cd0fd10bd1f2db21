/** A worker's end of its channel to a page: messages, and answers in shared memory where the page has that. */
import type { Reply, Request, Starter } from "../worker/messages.ts";
import { readAnswer } from "../worker/answers.ts";

/** The first message is the memory for answers. */
export type ToWorker = Request | SharedArrayBuffer | undefined;
/** `here` tells that the script was loaded; `more` asks for the rest of an answer. */
export type FromWorker = Reply | "here" | "more";

interface WorkerScope {
  postMessage(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}

export function starter(): Starter {
  const scope = globalThis as unknown as WorkerScope;
  let shared: SharedArrayBuffer | undefined;
  let received: ((message: Request) => void) | undefined;
  let begun = false;
  scope.onmessage = ({ data }) => {
    if (begun) received?.(data as Request);
    else shared = data as SharedArrayBuffer | undefined;
    begun = true;
  };
  scope.postMessage("here");
  return {
    post: (message, transfer) => scope.postMessage(message, transfer),
    listen: (receive) => (received = receive),
    get canWait() {
      return shared !== undefined;
    },
    wait: () => readAnswer(shared!, () => scope.postMessage("more")),
  };
}
