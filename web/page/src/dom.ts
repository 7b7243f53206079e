// Small help with the page's elements.

/** The element with this id; the page has them all. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found as unknown as T;
}

type Attributes = Record<string, string>;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function icon(name: string): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Tell screen readers. */
export function say(text: string): void {
  byId("live").textContent = text;
}

export function megapixels(n: number): string {
  return n >= 1e7 ? `${Math.round(n / 1e6)} MP` : `${(n / 1e6).toFixed(n < 1e6 ? 2 : 1)} MP`;
}

export function size(width: number, height: number): string {
  return `${width} × ${height}`;
}

export function megabytes(n: number): string {
  return n < 1e6 ? `${Math.max(1, Math.round(n / 1e3))} kB` : `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  const [large, small, unit] =
    minutes < 60 ? [minutes, Math.round(seconds % 60), ["min", "s"]] : [Math.floor(minutes / 60), minutes % 60, ["h", "min"]];
  return small ? `${large} ${unit[0]} ${small} ${unit[1]}` : `${large} ${unit[0]}`;
}
