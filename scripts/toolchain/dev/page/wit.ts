/**
 * WIT text with its words in colours. A reader of words, not of meaning.
 */
import { h } from "./dom.ts";

const keywords =
  /^(?:package|world|interface|import|export|use|type|record|variant|enum|flags|resource|func|async|static|constructor|as|include)$/;
const types =
  /^(?:u8|u16|u32|u64|s8|s16|s32|s64|f32|f64|bool|char|string|list|option|result|tuple|borrow|own|map|stream|future)$/;

export function highlightWit(text: string): HTMLElement {
  const parts: (Node | string)[] = [];
  for (const [word, comment, name] of text.matchAll(/(\/\/[^\n]*)|(%?[A-Za-z][\w-]*)|[^]/g)) {
    if (comment !== undefined) parts.push(h("span", { class: "w-comment" }, word));
    else if (name !== undefined && keywords.test(name)) parts.push(h("span", { class: "w-keyword" }, word));
    else if (name !== undefined && types.test(name)) parts.push(h("span", { class: "w-type" }, word));
    else parts.push(word);
  }
  return h("pre", { class: "wit", tabindex: 0, "aria-label": "WIT" }, h("code", {}, parts));
}
