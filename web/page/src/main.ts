import { getInfo, resultUrl, type Info } from "./api";
import { byId, duration, megabytes, megapixels, say, size } from "./dom";
import { Items, type Item } from "./items";
import { List } from "./list";
import { Settings } from "./settings";
import { startTheme } from "./theme";
import { Viewer } from "./viewer";

const viewer = new Viewer((percent) => {
  byId("zoom").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
});
const list = new List(select, remove);
const items = new Items(changed, reach);
let settings: Settings | null = null;
let info: Info | null = null;
let selected: Item | null = null;
let spoken = "";

const show = (id: string, on: boolean) => {
  byId(id).hidden = !on;
};

// ---- what happens ----

function changed(item: Item | null): void {
  if (selected && !items.all.includes(selected)) select(items.all[0] ?? null);
  if (!selected && items.all[0]) select(items.all[0]);
  if (item) announce(item);
  paint();
}

function select(item: Item | null): void {
  selected = item;
  viewer.setTrust(false);
  byId("show-trust").setAttribute("aria-pressed", "false");
  paint();
}

function remove(item: Item): void {
  const at = items.all.indexOf(item);
  if (item === selected) selected = items.all[at + 1] ?? items.all[at - 1] ?? null;
  items.remove(item);
}

function add(files: Iterable<File>): void {
  let first: Item | null = null;
  for (const file of files) first = items.add(file);
  if (first) select(first);
}

function start(item: Item): void {
  if (!settings || item.phase !== "draft") return;
  settings.show(item);
  if (settings.possible) items.start(item, settings.wish);
}

const drafts = () => items.all.filter((i) => i.phase === "draft" && i.file);

function startAll(): void {
  for (const item of drafts().reverse()) start(item);
  settings?.show(selected);
}

function again(item: Item): void {
  if (item.file) items.reset(item);
}

async function reach(reachable: boolean): Promise<void> {
  // One broken stream says little: ask once more.
  if (!reachable) reachable = await getInfo().then(() => true, () => false);
  show("offline", !reachable);
}

/** For screen readers: when a picture changes its state, not every percent. */
function announce(item: Item): void {
  const words: Partial<Record<Item["phase"], string>> = {
    running: `Enlarging ${item.name}`,
    done: `${item.name} is enlarged`,
    failed: `${item.name}: ${item.problem}`,
  };
  const text = words[item.phase];
  if (!text || text === spoken) return;
  spoken = text;
  say(text);
}

// ---- painting ----

function paint(): void {
  const item = selected;
  const phase = item?.phase ?? "none";
  const done = phase === "done";
  list.paint(items.all, item);
  paintStage(item);
  show("settings", !done);
  show("result", done);
  if (item && done) paintResult(item);
  else paintSettings(item);
  const working = phase === "running" ? `${Math.floor((item?.job?.progress ?? 0) * 100)} % – ` : "";
  document.title = `${working}${item ? `${item.name} – ` : ""}drn`;
}

function paintStage(item: Item | null): void {
  const phase = item?.phase ?? "none";
  const done = phase === "done";
  const works = ["waiting", "sending", "queued", "running"].includes(phase);
  byId("stage").dataset["phase"] = phase;
  show("empty", !item);
  show("preview", item !== null && !done && phase !== "failed");
  show("toolbar", done);
  show("work", works);
  show("failed", phase === "failed");
  show("show-trust", done && (item?.job?.trust ?? false));
  if (done && item?.job) void viewer.show(item.job).catch(() => reach(false));
  else viewer.hide();
  if (item && !done) paintPreview(item);
  if (item && works) paintWork(item);
  if (item && phase === "failed") paintFailure(item);
}

function paintPreview(item: Item): void {
  const image = byId<HTMLImageElement>("preview-image");
  show("preview-image", item.shows === true);
  show("preview-none", item.shows === false);
  if (item.preview && image.getAttribute("src") !== item.preview) image.src = item.preview;
  image.alt = item.name;
}

/** A title, what is known about the time, and how far it is (null: not known). */
function progressOf(item: Item): [string, string, number | null] {
  const job = item.job;
  switch (item.phase) {
    case "waiting":
      return ["Waiting", "for the pictures before it", null];
    case "sending":
      return ["Sending", megabytes(item.bytes), item.sent];
    case "queued":
      return ["Waiting", job?.position ? `${job.position} before it` : "", null];
    default:
      if (job?.stage === "reading") return ["Reading", "", null];
      if (job?.stage === "writing") return ["Writing the result", "", null];
      return ["Enlarging", job?.left ? `about ${duration(job.left)} left` : "", job?.progress || null];
  }
}

let painted = 0; // share of the bar

function paintWork(item: Item): void {
  const [title, note, share] = progressOf(item);
  const bar = byId("bar");
  byId("bar-fill").style.transition = (share ?? 0) < painted ? "none" : ""; // back at once, forth smoothly
  painted = share ?? 0;
  byId("work-title").textContent = title;
  byId("work-note").textContent = note;
  byId("work-percent").textContent = share === null ? "" : `${Math.floor(share * 100)} %`;
  byId("bar-fill").style.transform = `scaleX(${share ?? 0})`;
  bar.classList.toggle("unknown", share === null);
  if (share === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
}

function paintFailure(item: Item): void {
  byId("failed-title").textContent = `${item.name} could not be enlarged`;
  const why = item.problem.replace(`${item.name}: `, "");
  byId("failed-text").textContent = why.charAt(0).toUpperCase() + why.slice(1);
  show("failed-retry", item.file !== null);
}

function paintSettings(item: Item | null): void {
  const draft = item?.phase === "draft";
  const more = drafts().length;
  settings?.show(item);
  show("facts", item !== null);
  if (item) {
    byId("fact-name").textContent = item.name;
    byId("fact-size").textContent = [item.width ? size(item.width, item.height) : "", megabytes(item.bytes)]
      .filter(Boolean)
      .join(" · ");
  }
  byId<HTMLFieldSetElement>("settings").toggleAttribute("inert", item !== null && !draft);
  byId<HTMLButtonElement>("enlarge").disabled = !draft || !settings?.possible;
  byId("enlarge").textContent = settings && draft ? `Enlarge ${settings.wish.scale}×` : "Enlarge";
  show("enlarge-all", draft && more > 1);
  byId("enlarge-all").textContent = `Enlarge all ${more}`;
}

function paintResult(item: Item): void {
  const job = item.job;
  if (!job) return;
  byId("result-name").textContent = item.name;
  const parts = [
    size(job.result_width, job.result_height),
    megapixels(job.result_width * job.result_height),
    `${job.scale}× by ${job.model}`,
    job.elapsed < 10 ? `${job.elapsed.toFixed(1)} s` : duration(job.elapsed),
  ];
  byId("result-size").textContent = parts.join(" · ");
  show("again", item.file !== null);
  paintDownload();
}

function paintDownload(): void {
  const format = byId<HTMLSelectElement>("format").value;
  const quality = byId<HTMLInputElement>("quality").value;
  show("quality-field", format !== "png");
  byId("quality-value").textContent = format === "webp" && quality === "100" ? "lossless" : quality;
  if (selected?.job) byId<HTMLAnchorElement>("download").href = resultUrl(selected.job.id, format, Number(quality));
}

// ---- hands ----

function toggleTrust(): void {
  const button = byId("show-trust");
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  viewer.setTrust(on);
}

function clicks(): void {
  const on = (id: string, act: () => void) => byId(id).addEventListener("click", act);
  const withItem = (act: (item: Item) => void) => () => {
    if (selected) act(selected);
  };
  const choose = () => byId("file").click();
  on("choose", choose);
  on("add", choose);
  on("enlarge", withItem(start));
  on("enlarge-all", startAll);
  on("cancel", withItem((i) => items.cancel(i)));
  on("failed-retry", withItem(again));
  on("failed-remove", withItem(remove));
  on("again", withItem(again));
  on("zoom-in", () => viewer.zoomBy(1.5));
  on("zoom-out", () => viewer.zoomBy(1 / 1.5));
  on("zoom-fit", () => viewer.fit());
  on("zoom-one", () => viewer.actual());
  on("show-trust", toggleTrust);
  on("keys-button", () => byId<HTMLDialogElement>("keys").showModal());
  byId("format").addEventListener("change", paintDownload);
  byId("quality").addEventListener("input", paintDownload);
  byId<HTMLInputElement>("file").addEventListener("change", (e) => {
    const input = e.target as HTMLInputElement;
    add(input.files ?? []);
    input.value = "";
  });
}

function dropAndPaste(): void {
  let inside = 0;
  const files = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (e) => {
    if (files(e)) show("drop", ++inside > 0);
  });
  addEventListener("dragleave", (e) => {
    if (files(e)) show("drop", --inside > 0);
  });
  addEventListener("dragover", (e) => {
    if (files(e)) e.preventDefault();
  });
  addEventListener("drop", (e) => {
    if (!files(e)) return;
    e.preventDefault();
    show("drop", (inside = 0) > 0);
    add(e.dataTransfer?.files ?? []);
  });
  addEventListener("paste", (e) => add(e.clipboardData?.files ?? []));
}

const keys: Record<string, () => void> = {
  o: () => byId("file").click(),
  d: () => selected?.phase === "done" && byId("download").click(),
  Escape: () => selected && items.cancel(selected),
  "+": () => viewer.zoomBy(1.5),
  "=": () => viewer.zoomBy(1.5),
  "-": () => viewer.zoomBy(1 / 1.5),
  "0": () => viewer.fit(),
  "1": () => viewer.actual(),
  "[": () => viewer.moveSplit(-0.05),
  "]": () => viewer.moveSplit(0.05),
  b: () => viewer.showBicubic(true),
  t: () => selected?.job?.trust && toggleTrust(),
  "?": () => byId<HTMLDialogElement>("keys").showModal(),
  Enter: () => selected && start(selected),
};

function keyboard(): void {
  addEventListener("keydown", (e) => {
    const target = e.target as HTMLElement;
    const dialog = byId<HTMLDialogElement>("keys");
    const typing = target.matches("input, select, textarea") || dialog.open;
    // A dialog just closed has the focus for a moment still.
    const presses = e.key === "Enter" && target.matches("button, a") && !dialog.contains(target);
    if (e.ctrlKey || e.metaKey || e.altKey || typing || presses) return;
    const act = keys[e.key] ?? keys[e.key.toLowerCase()];
    if (!act) return;
    act();
    e.preventDefault();
  });
  addEventListener("keyup", (e) => {
    if (e.key.toLowerCase() === "b") viewer.showBicubic(false);
  });
}

/** What a person wants to know before giving a picture away. */
function where(): string {
  const local = /^(localhost|127\..*|\[::1\])$/.test(location.hostname);
  return local ? "Pictures stay on this machine." : `Pictures go to ${location.hostname} and nowhere else.`;
}

async function open(): Promise<void> {
  try {
    info = await getInfo();
  } catch {
    show("offline", true);
    setTimeout(() => void open(), 2000);
    return;
  }
  show("offline", false);
  settings = new Settings(info, paint);
  byId("limits").textContent =
    `${where()} Up to ${megabytes(info.limits.upload_bytes)}, results up to ` +
    `${megapixels(info.limits.result_pixels)}.`;
  byId("kept").textContent = `Results are kept for ${duration(info.limits.keep_seconds)}.`;
  await items.restore();
  paint();
}

startTheme();
clicks();
dropAndPaste();
keyboard();
paint();
void open();
