// Model and scale, as chosen for the next enlargement.
import type { Info, Model } from "./api";
import { byId, make, megapixels, size } from "./dom";
import type { Item, Wish } from "./items";

export class Settings {
  private model: Model | null = null;
  private scale = 0;
  private item: Item | null = null;
  private readonly select = byId<HTMLSelectElement>("model");

  constructor(
    private readonly info: Info,
    private readonly changed: () => void,
  ) {
    for (const m of info.models) this.select.append(make("option", { value: m.name }, m.name));
    this.select.addEventListener("change", () => this.choose(this.select.value));
    this.choose(info.models[0]?.name ?? "");
  }

  get wish(): Wish {
    return { model: this.model?.name ?? "", scale: this.scale };
  }

  /** Whether the picture may be enlarged like that; what it does not know, the server decides. */
  get possible(): boolean {
    return this.model !== null && this.fits(this.scale) && (this.item?.bytes ?? 0) <= this.info.limits.upload_bytes;
  }

  /** The picture these settings are for. */
  show(item: Item | null): void {
    this.item = item;
    if (!this.fits(this.scale)) this.scale = this.scales().filter((s) => this.fits(s)).at(-1) ?? this.scale;
    this.paint();
  }

  private scales(): number[] {
    return this.model?.scales ?? [];
  }

  private fits(scale: number): boolean {
    const { width = 0, height = 0 } = this.item ?? {};
    return width * height * scale * scale <= this.info.limits.result_pixels;
  }

  private choose(name: string): void {
    this.model = this.info.models.find((m) => m.name === name) ?? null;
    if (!this.scales().includes(this.scale)) this.scale = this.scales().at(-1) ?? 0;
    this.paint();
    this.changed();
  }

  private paint(): void {
    const millions = (this.model?.parameters ?? 0) / 1e6;
    const parameters = `${millions.toFixed(millions < 0.1 ? 3 : 2)} million parameters`;
    byId("model-note").textContent = [this.model?.summary, parameters].filter(Boolean).join(" · ");
    byId("scales").replaceChildren(...this.scales().map((s) => this.segment(s)));
    byId("scale-note").textContent = this.note();
  }

  private segment(scale: number): HTMLElement {
    const input = make("input", { type: "radio", name: "scale", value: String(scale) });
    input.checked = scale === this.scale;
    input.disabled = !this.fits(scale);
    input.addEventListener("change", () => {
      this.scale = scale;
      byId("scale-note").textContent = this.note();
      this.changed();
    });
    return make("label", {}, input, make("span", {}, `${scale}×`));
  }

  private note(): string {
    const item = this.item;
    const { upload_bytes, result_pixels } = this.info.limits;
    if (item && item.bytes > upload_bytes)
      return `The file is larger than the ${Math.round(upload_bytes / 1e6)} MB this server takes.`;
    if (!item?.width) return "";
    const [w, h] = [item.width * this.scale, item.height * this.scale];
    const too = this.fits(this.scale) ? "" : `; this server makes at most ${megapixels(result_pixels)}`;
    return `${size(item.width, item.height)} becomes ${size(w, h)}, ${megapixels(w * h)}${too}`;
  }
}
