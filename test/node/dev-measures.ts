/** What a person who sees little, or hears a page read, meets on it. Both run in the page. */

/** Texts whose contrast is below 4.5 : 1 (WCAG 1.4.3). Runs in the page. */
export function faintTexts(): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const rgba = (colour: string): [number, number, number, number] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0, a = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a];
  };
  const luminance = ([r, g, b]: readonly number[]): number => {
    const part = (value = 0): number =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (from: Element): readonly number[] => {
    for (let at: Element | null = from; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Set<string>();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    const element = text.parentElement!;
    if (
      text.textContent!.trim() === "" ||
      !element.checkVisibility() ||
      element.closest("button:disabled, script, noscript")
    )
      continue;
    const style = getComputedStyle(element);
    const [light, dark] = [
      luminance(rgba(element.closest("svg") === null ? style.color : style.fill)),
      luminance(ground(element)),
    ].sort((a, b) => b - a);
    const contrast = (light! + 0.05) / (dark! + 0.05);
    if (contrast < 4.5)
      faint.add(
        `${text.textContent!.trim().slice(0, 30)} (${element.tagName} ${element.className}): ${contrast.toFixed(2)}`,
      );
  }
  return [...faint];
}

/** Controls that a screen reader could not name. Runs in the page. */
export function namelessControls(): string[] {
  const controls = document.querySelectorAll<HTMLInputElement>("input, select, textarea, button");
  return [...controls]
    .filter((control) => {
      const labels = [...(control.labels ?? [])].map((label) => label.textContent?.trim()).join("");
      return labels === "" && (control.textContent ?? "").trim() === "" && !control.hasAttribute("aria-label");
    })
    .map((control) => control.outerHTML);
}
