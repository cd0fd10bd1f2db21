/**
 * The shelf as a card: the resource objects that the page holds, each with a button that disposes of it.
 */
import { fill, h } from "./dom.ts";
import type { Entry } from "./session.ts";
import type { Kept } from "./shelf.ts";

export interface ShelfCard {
  /** Hidden while there is nothing on the shelf. */
  readonly element: HTMLElement;
  draw(): void;
}

export function shelfCard(entry: Entry): ShelfCard {
  const list = h("ul", { class: "shelf" });
  const element = h("section", { class: "card", hidden: true }, h("h2", {}, "Objects"), list);
  const draw = (): void => {
    const kept = entry.shelf.list();
    element.hidden = kept.length === 0;
    fill(
      list,
      kept.map((item) => row(item, entry)),
    );
  };
  entry.shelf.listen(draw);
  draw();
  return { element, draw };
}

function row(kept: Kept, entry: Entry): HTMLElement {
  const problem = h("span", { class: "field-error", role: "status" });
  const dispose = (): void => {
    try {
      (kept.object as Partial<Disposable>)[Symbol.dispose]?.();
      entry.shelf.remove(kept.object);
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
    }
  };
  const old = entry.module !== undefined && kept.version !== entry.module.hash;
  return h(
    "li",
    {},
    h("code", {}, kept.name),
    old && h("span", { class: "hint" }, "of an earlier version"),
    h(
      "button",
      { type: "button", class: "small quiet", "aria-label": `Dispose of ${kept.name}`, onclick: dispose },
      "Dispose",
    ),
    problem,
  );
}
