/**
 * The JavaScript that stands for an import: an object that `load` takes.
 */

/** What the object says. */
export interface SourceText {
  readonly name: string;
  readonly hash: string;
  /** A JavaScript expression: a URL, or its text. */
  readonly url: string;
}

/** A source that never changes. */
export function fixedSource({ name, hash, url }: SourceText, lines: readonly string[]): string {
  const said = `name: ${JSON.stringify(name)}, url: ${url}, hash: ${JSON.stringify(hash)}`;
  return [...lines, `export default { ${said} };`, ""].join("\n");
}

/** Sources of a program that is being developed, by what the import names: this key of the global object has them. */
const LIVE = "tenon.live";

/** A page tells the development server of a version that was refused. */
export const REFUSED = "tenon:refused";
/** A page tells which version it has: what was saved while it opened may have passed it by. */
export const SERVES = "tenon:serves";

export interface Serves {
  readonly id: string;
  readonly hash: string;
}

/**
 * A source that follows the file it was made from: evaluated again with another version, it reloads what was loaded from it.
 * One object is the default export of all evaluations, so that those who imported it before load the latest too.
 * @param key what the import names
 * @param id of the module that stands for it
 */
export function liveSource(key: string, id: string, { name, hash, url }: SourceText): string {
  return `const sources = (globalThis[Symbol.for(${JSON.stringify(LIVE)})] ??= new Map());
let live = sources.get(${JSON.stringify(key)});
if (live === undefined) {
  const modules = new Set();
  let version, report;
  const follow = (module) => {
    if (module.hash !== version.hash)
      module.reload(source).catch((error) => error.superseded || report(module.name, error));
  };
  const source = {
    get name() { return version.name; },
    get url() { return version.url; },
    get hash() { return version.hash; },
    attach(module) {
      modules.add(module);
      follow(module);
      return () => modules.delete(module);
    },
  };
  live = {
    source,
    update(next, tell) {
      version = next;
      report = tell;
      modules.forEach(follow);
    },
  };
  sources.set(${JSON.stringify(key)}, live);
}
live.update({ name: ${JSON.stringify(name)}, url: ${url}, hash: ${JSON.stringify(hash)} }, (module, error) => {
  console.error(error);
  if (import.meta.hot) import.meta.hot.send(${JSON.stringify(REFUSED)}, { module, message: error.message });
});
export default live.source;
if (import.meta.hot) {
  import.meta.hot.accept();
  import.meta.hot.send(${JSON.stringify(SERVES)}, { id: ${JSON.stringify(id)}, hash: ${JSON.stringify(hash)} });
}
`;
}

/** What {@link liveSource} keeps for a key, as far as the server of its own process uses it. */
export interface Live {
  update(version: SourceVersion, report: (module: string, error: Error) => void): void;
}

export interface SourceVersion {
  readonly name: string;
  readonly url: string;
  readonly hash: string;
}

/** The source of a key in this process, where server-side code has imported it. */
export function liveIn(key: string): Live | undefined {
  const sources = (globalThis as { [name: symbol]: unknown })[Symbol.for(LIVE)] as Map<string, Live> | undefined;
  return sources?.get(key);
}
