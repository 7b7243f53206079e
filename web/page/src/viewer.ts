// Two pictures over each other, a slider between them, zoom and pan.  Each shows an overview of the
// whole, and, when that has fewer pixels than the screen, a detail of the part in view.
import { viewUrl, type Job, type Region } from "./api";
import { byId } from "./dom";

const OVERVIEW = 2048; // pixels of an overview's longer side
const DETAIL_MAX = 4096;
const ZOOM_MAX = 32;
const MARGIN = 16; // around a picture that fits
const TOOLBAR = 78; // at the bottom
const SETTLE_MS = 180; // of stillness before a detail is fetched

interface Pane {
  image: string;
  root: HTMLElement;
  sheet: HTMLElement;
  overview: HTMLImageElement;
  detail: HTMLImageElement;
}

function pane(image: string): Pane {
  const root = byId(`pane-${image}`);
  const find = <T extends Element>(selector: string) => root.querySelector(selector) as unknown as T;
  return {
    image,
    root,
    sheet: find<HTMLElement>(".sheet"),
    overview: find<HTMLImageElement>(".overview"),
    detail: find<HTMLImageElement>(".detail"),
  };
}

async function load(image: HTMLImageElement, url: string): Promise<void> {
  image.src = url;
  await image.decode();
}

const clamp = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v));

export class Viewer {
  private readonly root = byId("viewer");
  private readonly handle = byId("handle");
  private readonly panes = [pane("bicubic"), pane("result"), pane("trust")];
  private job: Job | null = null;
  private width = 1; // of the result
  private height = 1;
  private scale = 1; // CSS pixels for a pixel of the result
  private left = 0; // of the picture in the viewer, CSS pixels
  private top = 0;
  private split = 0.5; // share of the viewer left of the slider
  private fitted = true; // follows the window
  private onlyBicubic = false;
  private trust = false; // the map is laid over
  private shown = 0; // grows with every picture shown: late answers are dropped
  private wanted = 0; // the same for details
  private timer = 0;
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private drag: "" | "pan" | "split" = "";

  constructor(private readonly onZoom: (percent: number) => void) {
    new ResizeObserver(() => this.resized()).observe(this.root);
    this.root.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    this.root.addEventListener("pointerdown", (e) => this.down(e));
    this.root.addEventListener("pointermove", (e) => this.move(e));
    for (const name of ["pointerup", "pointercancel"] as const)
      this.root.addEventListener(name, (e) => this.up(e));
    this.root.addEventListener("dblclick", (e) => this.toggleZoom(e));
    this.root.addEventListener("keydown", (e) => this.key(e));
  }

  /** Show a finished job; the same one again changes nothing. */
  async show(job: Job): Promise<void> {
    this.root.hidden = false;
    if (this.job?.id === job.id) return;
    this.job = job;
    this.width = job.result_width;
    this.height = job.result_height;
    this.split = 0.5;
    this.setTrust(false);
    byId("tag-right").textContent = `drn ${job.scale}×`;
    const token = ++this.shown;
    byId("viewer-loading").hidden = false;
    this.root.classList.add("waiting");
    this.fit();
    try {
      await Promise.all(this.pictures().map((p) => load(p.overview, viewUrl(job.id, p.image, OVERVIEW))));
    } finally {
      if (token === this.shown) this.root.classList.remove("waiting");
    }
    if (token !== this.shown) return;
    byId("viewer-loading").hidden = true;
    this.place();
  }

  hide(): void {
    this.root.hidden = true;
    this.job = null;
    this.shown++;
    for (const p of this.panes) {
      p.overview.removeAttribute("src");
      this.dropDetail(p);
    }
  }

  /** Lay the map of trust over the result; the server makes it when it is first asked for. */
  setTrust(on: boolean): void {
    const p = this.panes[2];
    this.trust = on;
    byId("legend").hidden = !on;
    if (!p || !this.job) return;
    p.root.hidden = !on;
    if (!on) return;
    const url = viewUrl(this.job.id, p.image, OVERVIEW);
    const told = () => (byId("legend").textContent = "Tinted: the third of the picture that is least certain");
    if (p.overview.getAttribute("src") === url) told();
    else {
      byId("legend").textContent = "Working out what can be trusted…";
      void load(p.overview, url).then(told, () => this.setTrust(false));
    }
    this.place();
  }

  fit(): void {
    this.scale = clamp(this.fitting(), 0.001, 4);
    this.fitted = true;
    this.place();
  }

  /** A screen pixel for every pixel. */
  actual(): void {
    this.zoomTo(1 / devicePixelRatio);
  }

  zoomBy(factor: number): void {
    this.zoomTo(this.scale * factor);
  }

  moveSplit(by: number): void {
    this.split = clamp(this.split + by, 0, 1);
    this.placeSplit();
  }

  panBy(x: number, y: number): void {
    this.left += x;
    this.top += y;
    this.fitted = false;
    this.place();
  }

  showBicubic(on: boolean): void {
    this.onlyBicubic = on;
    this.placeSplit();
  }

  private pictures(): Pane[] {
    return this.panes.filter((p) => p.image !== "trust" || this.trust);
  }

  private resized(): void {
    if (!this.job) return;
    if (this.fitted) this.fit();
    else this.place();
  }

  private fitting(): number {
    const box = this.root.getBoundingClientRect();
    const [w, h] = [box.width - 2 * MARGIN, box.height - MARGIN - TOOLBAR];
    return Math.min(w / this.width, h / this.height);
  }

  private zoomTo(scale: number, x?: number, y?: number): void {
    const box = this.root.getBoundingClientRect();
    const next = clamp(scale, Math.min(this.fitting(), 1 / devicePixelRatio) / 2, ZOOM_MAX);
    const [cx, cy] = [x ?? box.width / 2, y ?? box.height / 2];
    this.left = cx - ((cx - this.left) * next) / this.scale;
    this.top = cy - ((cy - this.top) * next) / this.scale;
    this.scale = next;
    this.fitted = false;
    this.place();
  }

  /** Along one axis: centred when it fits (above the toolbar if it can), else no gap at either end. */
  private static keep(at: number, length: number, room: number, below: number): number {
    if (length > room) return clamp(at, room - length, 0);
    const free = room - MARGIN - below;
    return length <= free ? MARGIN + (free - length) / 2 : (room - length) / 2;
  }

  private place(): void {
    const box = this.root.getBoundingClientRect();
    this.left = Viewer.keep(this.left, this.width * this.scale, box.width, MARGIN);
    this.top = Viewer.keep(this.top, this.height * this.scale, box.height, TOOLBAR);
    const crisp = this.scale * devicePixelRatio >= 2;
    for (const p of this.panes) {
      p.sheet.style.width = `${this.width}px`;
      p.sheet.style.height = `${this.height}px`;
      p.sheet.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.scale})`;
      p.sheet.classList.toggle("crisp", crisp);
    }
    this.placeSplit();
    this.onZoom(this.scale * devicePixelRatio * 100);
    this.wantDetail();
  }

  private placeSplit(): void {
    const box = this.root.getBoundingClientRect();
    const share = this.onlyBicubic ? 1 : this.split;
    const x = share * box.width;
    byId("divider").style.transform = `translateX(${x}px)`;
    for (const p of this.panes)
      if (p.image !== "bicubic") p.root.style.clipPath = `inset(0 0 0 ${x}px)`;
    byId("tag-left").classList.toggle("faint", share < 0.12);
    byId("tag-right").classList.toggle("faint", share > 0.88);
    const percent = Math.round(share * 100);
    this.handle.setAttribute("aria-valuenow", String(percent));
    this.handle.setAttribute("aria-valuetext", `${percent} % bicubic`);
  }

  // ---- details ----

  private dropDetail(p: Pane): void {
    p.detail.hidden = true;
    p.detail.removeAttribute("src");
  }

  private wantDetail(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.fetchDetail(), SETTLE_MS);
  }

  /** What is in view, in pixels of the result; multiples of the job's scale, as the server wants. */
  private visible(step: number): Region {
    const box = this.root.getBoundingClientRect();
    const down = (v: number) => Math.floor(v / step) * step;
    const up = (v: number) => Math.ceil(v / step) * step;
    const x = clamp(down(-this.left / this.scale), 0, this.width - step);
    const y = clamp(down(-this.top / this.scale), 0, this.height - step);
    const right = clamp(up((box.width - this.left) / this.scale), x + step, this.width);
    const bottom = clamp(up((box.height - this.top) / this.scale), y + step, this.height);
    return { x, y, w: right - x, h: bottom - y };
  }

  private async fetchDetail(): Promise<void> {
    const job = this.job;
    const token = ++this.wanted;
    if (!job || this.root.hidden) return;
    const overview = Math.min(1, OVERVIEW / Math.max(this.width, this.height));
    const density = Math.min(1, this.scale * devicePixelRatio);
    if (density <= overview * 1.05) {
      for (const p of this.panes) this.dropDetail(p);
      return;
    }
    const part = this.visible(job.scale);
    const max = Math.ceil(Math.min(DETAIL_MAX, Math.max(part.w, part.h) * density));
    await Promise.all(this.pictures().map((p) => this.loadDetail(p, job.id, part, max, token)));
  }

  private async loadDetail(p: Pane, id: string, part: Region, max: number, token: number): Promise<void> {
    const next = new Image();
    try {
      await load(next, viewUrl(id, p.image, max, part));
    } catch {
      return; // the overview stays
    }
    if (token !== this.wanted) return;
    next.className = "detail";
    next.alt = "";
    next.draggable = false;
    next.style.left = `${part.x}px`;
    next.style.top = `${part.y}px`;
    next.style.width = `${part.w}px`;
    next.style.height = `${part.h}px`;
    p.detail.replaceWith(next);
    p.detail = next;
  }

  // ---- hands ----

  private at(e: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.root.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  private wheel(e: WheelEvent): void {
    e.preventDefault();
    const { x, y } = this.at(e);
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.zoomTo(this.scale * Math.exp((-e.deltaY * lines) / (e.ctrlKey ? 120 : 400)), x, y);
  }

  private toggleZoom(e: MouseEvent): void {
    const { x, y } = this.at(e);
    if (this.fitted) this.zoomTo(Math.max(this.scale * 2, 1 / devicePixelRatio), x, y);
    else this.fit();
  }

  /** Near the slider, or where there is nothing to move, a drag moves the slider. */
  private down(e: PointerEvent): void {
    if (e.button !== 0) return;
    const box = this.root.getBoundingClientRect();
    const p = this.at(e);
    const fits = this.width * this.scale <= box.width + 1 && this.height * this.scale <= box.height + 1;
    const near = Math.abs(p.x - this.split * box.width) < 22;
    this.pointers.set(e.pointerId, p);
    this.root.setPointerCapture(e.pointerId);
    this.drag = this.pointers.size > 1 ? "pan" : near || fits ? "split" : "pan";
    this.root.dataset["drag"] = this.drag;
    if (this.drag === "split" && !near) this.toSplit(p.x);
  }

  private toSplit(x: number): void {
    this.split = clamp(x / this.root.getBoundingClientRect().width, 0, 1);
    this.placeSplit();
  }

  private move(e: PointerEvent): void {
    const before = this.pointers.get(e.pointerId);
    if (!before) return;
    const now = this.at(e);
    if (this.pointers.size === 2) this.pinch(e.pointerId, before, now);
    else if (this.drag === "split") this.toSplit(now.x);
    else this.panBy(now.x - before.x, now.y - before.y);
    this.pointers.set(e.pointerId, now);
  }

  private pinch(id: number, before: { x: number; y: number }, now: { x: number; y: number }): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const far = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
    this.left += (now.x - before.x) / 2;
    this.top += (now.y - before.y) / 2;
    this.zoomTo((this.scale * far(now)) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  private up(e: PointerEvent): void {
    this.pointers.delete(e.pointerId);
    if (this.pointers.size === 0) this.drag = "";
    this.root.dataset["drag"] = this.drag;
  }

  private key(e: KeyboardEvent): void {
    const slider = e.target === this.handle;
    const step = e.shiftKey ? 160 : 48;
    const slides: Record<string, number> = {
      ArrowLeft: -0.02,
      ArrowDown: -0.02,
      ArrowRight: 0.02,
      ArrowUp: 0.02,
      PageDown: -0.1,
      PageUp: 0.1,
      Home: -1,
      End: 1,
    };
    const pans: Record<string, [number, number]> = {
      ArrowLeft: [step, 0],
      ArrowRight: [-step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    };
    const slide = slider ? slides[e.key] : undefined;
    const pan = slider ? undefined : pans[e.key];
    if (slide !== undefined) this.moveSplit(slide);
    else if (pan) this.panBy(...pan);
    else return;
    e.preventDefault();
  }
}
