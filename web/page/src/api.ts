// The server's JSON API (docs/user/serve.md).

export interface Model {
  name: string;
  summary: string;
  scales: number[];
  parameters: number;
}

export interface Info {
  version: string;
  models: Model[];
  formats: string[];
  limits: {
    upload_bytes: number;
    result_pixels: number;
    queue: number;
    keep: number;
    keep_seconds: number;
  };
}

export interface Problem {
  code: string;
  message: string;
}

export type State = "uploading" | "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: string;
  name: string;
  model: string;
  scale: number;
  state: State;
  stage: "reading" | "enlarging" | "writing" | null;
  position: number;
  progress: number;
  elapsed: number;
  left: number | null;
  bytes: number;
  width: number;
  height: number;
  result_width: number;
  result_height: number;
  trust: boolean;
  expires: number | null;
  error: Problem | null;
}

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

const unreachable = () => new ApiError("unreachable", "The server does not answer.");

function problemOf(text: string, status: number, retryAfter: string | null): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: Problem };
    return new ApiError(error.code, error.message, Number(retryAfter ?? 0));
  } catch {
    return new ApiError("internal", `The server answered ${status}.`);
  }
}

async function ask<T>(path: string, method = "GET"): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { method });
  } catch {
    throw unreachable();
  }
  const text = await answer.text();
  if (!answer.ok) throw problemOf(text, answer.status, answer.headers.get("Retry-After"));
  return (text ? JSON.parse(text) : null) as T;
}

export const getInfo = () => ask<Info>("/api");
export const getJob = (id: string) => ask<Job>(`/api/jobs/${id}`);
export const cancelJob = (id: string) => ask<Job>(`/api/jobs/${id}/cancel`, "POST");
export const removeJob = (id: string) => ask<null>(`/api/jobs/${id}`, "DELETE");

/** Send a picture; fetch() does not tell how far an upload is, so this is the older way. */
export function createJob(
  file: File,
  model: string,
  scale: number,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  const query = new URLSearchParams({ model, scale: String(scale), name: file.name });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/jobs?${query}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (e) => onProgress(e.total ? e.loaded / e.total : 0);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new ApiError("cancelled", "Cancelled."));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Job);
      else reject(problemOf(request.responseText, request.status, request.getResponseHeader("Retry-After")));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export function resultUrl(id: string, format: string, quality: number): string {
  const lossy = format === "png" ? "" : `&quality=${quality}`;
  return `/api/jobs/${id}/result?format=${format}${lossy}`;
}

export interface Region {
  x: number;
  y: number;
  w: number;
  h: number;
}

export function viewUrl(id: string, image: string, max: number, region?: Region): string {
  const part = region ? `&x=${region.x}&y=${region.y}&w=${region.w}&h=${region.h}` : "";
  return `/api/jobs/${id}/view?image=${image}&max=${max}${part}`;
}

/** News about unfinished jobs, as long as there are any: one stream for all of them. */
export class Watch {
  private source: EventSource | null = null;
  private ids = "";
  private timer = 0;

  constructor(
    private readonly onJob: (job: Job) => void,
    private readonly onGone: (id: string) => void,
    private readonly onReach: (reachable: boolean) => void,
  ) {}

  set(ids: string[]): void {
    const wanted = ids.slice(0, 32).join(",");
    if (wanted === this.ids) return;
    this.ids = wanted;
    this.open();
  }

  private open(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    if (!this.ids) return;
    const source = new EventSource(`/api/events?ids=${this.ids}`);
    this.source = source;
    source.onopen = () => this.onReach(true);
    source.addEventListener("job", (e) => this.onJob(JSON.parse(e.data) as Job));
    source.addEventListener("gone", (e) => this.onGone((JSON.parse(e.data) as { id: string }).id));
    source.addEventListener("end", () => source.close());
    source.onerror = () => {
      this.onReach(false);
      source.close();
      this.timer = window.setTimeout(() => this.open(), 1500);
    };
  }
}
