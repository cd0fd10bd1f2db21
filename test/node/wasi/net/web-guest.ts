/** A guest of JavaScript that fetches, and answers requests. */
import { componentize } from "../../real/componentize.ts";
import { packages } from "./packages.ts";

const wit = `
  package demo:web;
  world web {
    export get: func(url: string, key: option<string>) -> result<string, string>;
    export wasi:http/incoming-handler@0.2.10;
  }
  ${packages(["io", "clocks", "random", "cli", "http", "filesystem", "sockets"], "0.2.10")}`;

const source = `
  export async function get(url, key) {
    const headers = key === undefined ? {} : { "x-key": key };
    const response = await fetch(url, { method: "POST", body: "from the guest", headers });
    return response.status + " " + (await response.text());
  }
  const text = new TextEncoder();
  addEventListener("fetch", (event) => event.respondWith((async () => {
    const { request } = event;
    const { pathname } = new URL(request.url);
    if (pathname === "/echo") {
      const body = "echo " + (await request.text());
      return new Response(body, { status: 201, headers: { "x-method": request.method } });
    }
    if (pathname === "/parts") {
      const { readable, writable } = new TransformStream();
      const writer = writable.getWriter();
      (async () => {
        for (const part of ["a", "b", "c"]) {
          await writer.write(text.encode(part));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await writer.close();
      })();
      return new Response(readable);
    }
    return new Response("no such page", { status: 404 });
  })()));`;

/** `get` posts to an address; `wasi:http/incoming-handler` is exported too. */
export function webGuest(): Promise<Uint8Array<ArrayBuffer>> {
  return componentize({ wit, source });
}
