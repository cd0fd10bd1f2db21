/**
 * What a production build gets for an import: a source that never changes, and the files that go with it.
 */
import type { SupportedFramework, UnpluginBuildContext } from "unplugin";
import { bindAs, type Core } from "../bind.ts";
import { assetText, moduleText } from "./assets.ts";
import type { Version } from "./library.ts";
import type { Place } from "./places.ts";
import type { Session } from "./session.ts";
import { fixedSource } from "./text.ts";

/** Gives the text of an import, and the bundler its files. */
export class Output {
  readonly #session: Session;
  readonly #framework: SupportedFramework;

  constructor(session: Session, framework: SupportedFramework) {
    this.#session = session;
    this.#framework = framework;
  }

  async text(context: UnpluginBuildContext, place: Place, version: Version): Promise<string> {
    const { bind, target } = this.#session.options;
    if (target === "workerd" || bind === true) return this.#bound(context, place, version);
    this.#session.emitted.add(version.hash);
    const { lines, url } = assetText(context, this.#framework, version);
    return fixedSource({ name: place.name, hash: version.hash, url }, lines);
  }

  async #bound(context: UnpluginBuildContext, place: Place, version: Version): Promise<string> {
    const { options, library, emitted } = this.#session;
    const parts: Core[] = [];
    bindAs(version.bytes, place.name, { expressionOf: (core) => String(parts.push(core)) });
    const lines: string[] = [];
    const expressions = await Promise.all(
      parts.map(async (core, at) => {
        const { bytes, hash } = core;
        const asset = { bytes, file: await library.keepPart(version, core.file, bytes) };
        emitted.add(hash);
        if (options.target === "workerd") {
          lines.push(moduleText(context, this.#framework, asset, at));
          return `asset${at}`;
        }
        const { lines: own, url } = assetText(context, this.#framework, asset, at);
        lines.push(...own);
        return `{ url: ${url}, hash: ${JSON.stringify(hash)} }`;
      }),
    );
    const { text } = bindAs(version.bytes, place.name, { expressionOf: (_, at) => expressions[at]! });
    return [...lines, text].join("\n");
  }
}
