import { log } from "./bindings/w";

export function run(): void {
  log("direct");
  console.log("hello");
  console.error("bad");
  trace("plain");
  trace("numbers", 2, 1, 2.5);
}
