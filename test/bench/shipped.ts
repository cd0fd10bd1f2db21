/**
 * Imported before anything is measured: modules of `host/` are taken from the compiled package, as an application has them. What
 * runs TypeScript keeps the names of functions, which costs each closure some hundred nanoseconds.
 */
import { register } from "node:module";

const root = new URL("../../", import.meta.url);
const hooks = `
  const source = ${JSON.stringify(new URL("host/", root).href)};
  const compiled = ${JSON.stringify(new URL("dist/host/", root).href)};
  export function resolve(specifier, context, next) {
    const url = specifier.startsWith(".") ? new URL(specifier, context.parentURL).href : specifier;
    if (!url.startsWith(source)) return next(specifier, context);
    return next(compiled + url.slice(source.length).replace(/\\.ts$/, ".js"), context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
