// The pictures of this page: each is a file not sent yet, or a job of the server.
import { ApiError, cancelJob, createJob, getJob, removeJob, Watch, type Job } from "./api";

export type Phase = "draft" | "waiting" | "sending" | "queued" | "running" | "done" | "failed";

export interface Item {
  key: number;
  name: string;
  file: File | null; // null: from before the page was loaded again
  preview: string; // blob address
  shows: boolean | null; // whether the browser can show it; null: not known yet
  width: number; // 0: not known
  height: number;
  bytes: number;
  phase: Phase;
  sent: number; // share of the upload
  job: Job | null;
  problem: string;
  abort: AbortController | null;
}

export interface Wish {
  model: string;
  scale: number;
}

const STORE = "drn-jobs";

export class Items {
  readonly all: Item[] = [];
  private next = 1;
  private busy = false; // one upload at a time
  private readonly wishes = new Map<Item, Wish>();
  private readonly watch: Watch;

  constructor(
    private readonly changed: (item: Item | null) => void,
    private readonly onReach: (reachable: boolean) => void,
  ) {
    this.watch = new Watch(
      (job) => this.update(job),
      (id) => this.gone(id),
      onReach,
    );
  }

  add(file: File): Item {
    const item: Item = {
      key: this.next++,
      name: file.name || "pasted.png",
      file,
      preview: URL.createObjectURL(file),
      shows: null,
      width: 0,
      height: 0,
      bytes: file.size,
      phase: "draft",
      sent: 0,
      job: null,
      problem: "",
      abort: null,
    };
    this.all.unshift(item);
    void this.measure(item);
    return item;
  }

  /** Jobs this browser has started before and the server still knows. */
  async restore(): Promise<void> {
    for (const id of this.stored()) {
      try {
        this.adopt(await getJob(id));
      } catch (e) {
        if (e instanceof ApiError && e.code === "unreachable") return;
      }
    }
    this.settle(null);
  }

  start(item: Item, wish: Wish): void {
    item.phase = "waiting";
    item.problem = "";
    item.sent = 0;
    this.wishes.set(item, wish);
    this.changed(item);
    void this.sendNext();
  }

  cancel(item: Item): void {
    item.abort?.abort();
    this.wishes.delete(item);
    if (item.job && (item.phase === "queued" || item.phase === "running"))
      void cancelJob(item.job.id).then((job) => this.update(job), () => undefined);
    else if (item.phase === "waiting" || item.phase === "sending") this.toDraft(item);
  }

  remove(item: Item): void {
    item.abort?.abort();
    this.wishes.delete(item);
    if (item.job) void removeJob(item.job.id).catch(() => undefined);
    URL.revokeObjectURL(item.preview);
    this.all.splice(this.all.indexOf(item), 1);
    this.settle(null);
  }

  /** Forget the result, keep the picture. */
  reset(item: Item): void {
    if (item.job) void removeJob(item.job.id).catch(() => undefined);
    item.job = null;
    this.toDraft(item);
  }

  private toDraft(item: Item): void {
    item.phase = "draft";
    item.problem = "";
    item.sent = 0;
    this.settle(item);
  }

  private stored(): string[] {
    try {
      const ids = JSON.parse(localStorage.getItem(STORE) ?? "[]") as string[];
      return ids.filter((id) => /^[0-9a-f]{32}$/.test(id));
    } catch {
      return [];
    }
  }

  private adopt(job: Job): void {
    this.all.push({
      key: this.next++,
      name: job.name,
      file: null,
      preview: "",
      shows: false,
      width: job.width,
      height: job.height,
      bytes: job.bytes,
      phase: "draft",
      sent: 1,
      job,
      problem: "",
      abort: null,
    });
    this.update(job);
  }

  private async measure(item: Item): Promise<void> {
    const image = new Image();
    image.src = item.preview;
    try {
      await image.decode();
      item.width = image.naturalWidth;
      item.height = image.naturalHeight;
      item.shows = true;
    } catch {
      item.shows = false;
    }
    this.changed(item);
  }

  private async sendNext(): Promise<void> {
    const [item, wish] = this.wishes.entries().next().value ?? [];
    if (this.busy || !item || !wish) return;
    this.busy = true;
    this.wishes.delete(item);
    try {
      await this.send(item, wish);
    } finally {
      this.busy = false;
      void this.sendNext();
    }
  }

  private async send(item: Item, wish: Wish): Promise<void> {
    if (!item.file) return;
    item.phase = "sending";
    item.abort = new AbortController();
    const { signal } = item.abort;
    const progress = (share: number) => {
      item.sent = share;
      this.changed(item);
    };
    this.changed(item);
    try {
      item.job = await createJob(item.file, wish.model, wish.scale, progress, signal);
      this.onReach(true);
      this.update(item.job);
    } catch (e) {
      await this.notSent(item, wish, e as ApiError, signal);
    }
  }

  private async notSent(item: Item, wish: Wish, e: ApiError, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return this.toDraft(item);
    if (e.code === "queue_full") {
      item.phase = "waiting"; // its turn comes again
      this.changed(item);
      await new Promise((resolve) => setTimeout(resolve, 1000 * (e.retryAfter || 5)));
      if (item.phase === "waiting" && this.all.includes(item)) this.wishes.set(item, wish);
      return;
    }
    this.onReach(e.code !== "unreachable");
    item.phase = "failed";
    item.problem = e.message;
    this.changed(item);
  }

  private update(job: Job): void {
    const item = this.all.find((i) => i.job?.id === job.id);
    if (!item) return;
    item.job = job;
    item.width = job.width || item.width;
    item.height = job.height || item.height;
    if (job.state === "cancelled") {
      void removeJob(job.id).catch(() => undefined);
      item.job = null;
      if (item.file) this.toDraft(item);
      else this.remove(item);
      return;
    }
    item.phase = job.state === "uploading" ? "sending" : job.state;
    item.problem = job.error?.message ?? "";
    this.settle(item);
  }

  private gone(id: string): void {
    const item = this.all.find((i) => i.job?.id === id);
    if (!item) return;
    item.job = null;
    if (item.file) this.toDraft(item);
    else this.remove(item);
  }

  /** Remember which jobs there are, watch those that are not finished. */
  private settle(item: Item | null): void {
    const jobs = this.all.flatMap((i) => (i.job ? [i.job] : []));
    try {
      localStorage.setItem(STORE, JSON.stringify(jobs.map((j) => j.id)));
    } catch {
      // a browser that keeps nothing
    }
    this.watch.set(jobs.filter((j) => j.state === "queued" || j.state === "running").map((j) => j.id));
    this.changed(item);
  }
}
