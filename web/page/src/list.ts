// The list of pictures at the side.
import { byId, icon, make } from "./dom";
import type { Item } from "./items";

export function statusOf(item: Item): string {
  const job = item.job;
  switch (item.phase) {
    case "draft":
      return "Not enlarged yet";
    case "waiting":
      return "Waiting";
    case "sending":
      return `Sending, ${Math.floor(item.sent * 100)} %`;
    case "queued":
      return job && job.position > 0 ? `Waiting, ${job.position} before it` : "Next in line";
    case "running":
      return `Enlarging, ${Math.floor((job?.progress ?? 0) * 100)} %`;
    case "done":
      return `${job?.scale}× · ${job?.result_width} × ${job?.result_height}`;
    case "failed":
      return "Failed";
  }
}

export class List {
  private readonly rows = new Map<Item, { row: HTMLElement; pick: HTMLElement; status: HTMLElement; bar: HTMLElement }>();

  constructor(
    private readonly select: (item: Item) => void,
    private readonly remove: (item: Item) => void,
  ) {}

  /** Rows are kept while their pictures stay, so that the focus does. */
  paint(items: Item[], selected: Item | null): void {
    const list = byId("items");
    for (const [item, { row }] of this.rows)
      if (!items.includes(item)) {
        row.remove();
        this.rows.delete(item);
      }
    items.forEach((item, i) => {
      const row = this.rowOf(item);
      if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
      this.paintRow(item, item === selected);
    });
    byId("pictures").hidden = items.length === 0;
  }

  private rowOf(item: Item): HTMLElement {
    const known = this.rows.get(item);
    if (known) return known.row;
    const status = make("span", { class: "status" });
    const bar = make("span", { class: "thin" });
    const thumb = make("span", { class: "thumb" }, icon("picture"));
    const name = make("span", { class: "name", title: item.name }, item.name);
    const pick = make("button", { class: "pick" }, thumb, make("span", { class: "words" }, name, status), bar);
    const close = make("button", { class: "icon", title: "Remove", "aria-label": `Remove ${item.name}` }, icon("close"));
    const row = make("li", {}, pick, close);
    pick.addEventListener("click", () => this.select(item));
    close.addEventListener("click", () => this.remove(item));
    this.rows.set(item, { row, pick, status, bar });
    return row;
  }

  private paintRow(item: Item, selected: boolean): void {
    const parts = this.rows.get(item);
    if (!parts) return;
    const { row, pick, status, bar } = parts;
    const share = item.phase === "running" ? (item.job?.progress ?? 0) : item.phase === "sending" ? item.sent : 0;
    status.textContent = statusOf(item);
    pick.setAttribute("aria-current", String(selected));
    row.dataset["phase"] = item.phase;
    bar.style.transform = `scaleX(${share})`;
    this.paintThumb(item, pick);
  }

  private paintThumb(item: Item, pick: HTMLElement): void {
    const thumb = pick.querySelector(".thumb");
    const wanted = item.shows ? item.preview : item.phase === "done" && item.job ? `/api/jobs/${item.job.id}/view?max=96` : "";
    if (!thumb || !wanted || thumb.querySelector("img")) return;
    thumb.replaceChildren(make("img", { src: wanted, alt: "", draggable: "false" }));
  }
}
