// `drn serve` in headless Chromium, as a person uses it.  One browser, one server; each test a sentence.
// Environment: DRN the program, CHROMIUM the browser, WORK a folder with pictures and models, SHOTS a
// folder for screenshots (none without it).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { DRN, CHROMIUM, WORK, SHOTS } = process.env;
const at = (name) => join(WORK, name);

function ppm(name, width, height) {
  const pixels = Buffer.alloc(width * height * 3, 0);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 31) ^ (i >> 9);
  writeFileSync(at(name), Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), pixels]));
  return at(name);
}

function serve(...options) {
  const args = ["serve", "-m", at("x4.safetensors"), "-m", at("x2.safetensors"), ...options];
  const child = spawn(DRN, args, { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    child.stdout.once("data", (line) => resolve({ url: String(line).trim(), child }));
    child.once("exit", (code) => reject(new Error(`drn serve ended with ${code}`)));
  });
}

const stop = (server) =>
  new Promise((resolve) => {
    server.child.once("exit", (code) => resolve(code));
    server.child.kill("SIGTERM");
  });

const server = await serve("--max-upload", "30");
const browser = await chromium.launchPersistentContext(at("profile"), {
  executablePath: CHROMIUM,
  headless: true,
  viewport: { width: 1280, height: 800 },
  acceptDownloads: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

const complaints = [];
const foreign = [];
function watch(page) {
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("console", (m) => {
    if (/Content.Security|Trusted|violat/i.test(m.text())) complaints.push(m.text());
  });
  page.on("request", (r) => {
    if (!r.url().startsWith(server.url) && !/^(data|blob|chrome-error|about):/.test(r.url())) foreign.push(r.url());
  });
}

async function open() {
  const page = await browser.newPage();
  watch(page);
  await page.addInitScript(() => {
    if (!sessionStorage.getItem("begun")) localStorage.clear(); // of the test before
    sessionStorage.setItem("begun", "yes");
  });
  await page.goto(server.url);
  await page.locator("#model option").first().waitFor({ state: "attached" });
  return page;
}

const shot = async (page, name) => {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
};
const pick = (page, ...names) => page.setInputFiles("#file", names.map(at));
const visible = (page, selector) => page.locator(selector).waitFor({ state: "visible", timeout: 20000 });
const shown = async (page) => {
  await visible(page, "#viewer");
  await page.locator("#viewer-loading").waitFor({ state: "hidden", timeout: 20000 });
};
const split = async (page) => Number(await page.locator("#handle").getAttribute("aria-valuenow"));
const zoom = async (page) => parseFloat(await page.locator("#zoom").textContent());

const tests = {
  async "a picture is chosen, enlarged, compared and downloaded"(page) {
    await shot(page, "empty");
    await pick(page, "photo.png");
    await visible(page, "#preview-image");
    assert.match(await page.locator("#fact-size").textContent(), /61 × 47/);
    assert.match(await page.locator("#scale-note").textContent(), /244 × 188/);
    await shot(page, "draft");
    await page.click("#enlarge");
    await shown(page);
    assert.match(await page.locator("#result-size").textContent(), /244 × 188.*4× by x4/);
    const sizes = await page
      .locator("#viewer .overview")
      .evaluateAll((all) => all.slice(0, 2).map((i) => [i.naturalWidth, i.naturalHeight]));
    assert.deepEqual(sizes, [[244, 188], [244, 188]]);
    await shot(page, "done");
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    assert.equal(file.suggestedFilename(), "photo_x4.png");
    const bytes = readFileSync(await file.path());
    assert.deepEqual([...bytes.subarray(1, 4)], [..."PNG"].map((c) => c.charCodeAt(0)));
    assert.equal(bytes.readUInt32BE(16), 244);
  },

  async "the result comes in another format and quality"(page) {
    await pick(page, "photo.jpg");
    await page.click("#scales label:first-child");
    await page.click("#enlarge");
    await shown(page);
    await page.selectOption("#format", "jpg");
    await visible(page, "#quality");
    await page.locator("#quality").fill("60");
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    assert.equal(file.suggestedFilename(), "photo_x2.jpg");
    assert.equal(readFileSync(await file.path()).readUInt16BE(0), 0xffd8);
  },

  async "the slider moves by mouse and by keyboard, the picture zooms and pans"(page) {
    await pick(page, "photo.jpg");
    await page.click("#enlarge");
    await shown(page);
    assert.equal(await split(page), 50);
    const box = await page.locator("#viewer").boundingBox();
    const handle = await page.locator("#handle").boundingBox();
    const y = handle.y + handle.height / 2;
    await page.mouse.move(handle.x + handle.width / 2, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.25, y, { steps: 5 });
    await page.mouse.up();
    assert.equal(await split(page), 25);
    const clip = await page.locator("#pane-result").evaluate((e) => e.style.clipPath);
    assert.ok(Math.abs(parseFloat(clip.split(" ").at(-1)) - box.width / 4) < 2, clip);
    await page.locator("#handle").focus();
    await page.keyboard.press("End");
    assert.equal(await split(page), 100);
    await page.keyboard.press("ArrowLeft");
    assert.equal(await split(page), 98);
    await page.keyboard.press("1");
    assert.equal(await zoom(page), 100);
    await page.keyboard.press("+");
    assert.equal(await zoom(page), 150);
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.wheel(0, -300);
    assert.ok((await zoom(page)) > 200);
    const place = () => page.locator("#pane-result .sheet").evaluate((e) => e.style.transform);
    const before = await place();
    await page.locator("#viewer").focus();
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await place(), before);
    await shot(page, "zoomed");
    await page.keyboard.press("0");
    assert.equal(await page.locator("#pane-bicubic .sheet").evaluate((e) => e.style.transform), await place());
  },

  async "a large picture shows every pixel of the part in view, and bicubic at the same place"(page) {
    ppm("large.ppm", 700, 500);
    await pick(page, "large.ppm");
    await page.click("#enlarge");
    await shown(page);
    const view = page.waitForResponse((r) => /view\?image=result.*&x=/.test(r.url()));
    await page.click("#zoom-one");
    assert.equal((await view).status(), 200);
    const details = [];
    for (const pane of ["#pane-result", "#pane-bicubic"]) { // each appears when it has come
      const detail = page.locator(`${pane} .detail`);
      await detail.waitFor({ state: "visible", timeout: 10000 });
      details.push(await detail.evaluate((i) => ({ at: [i.style.left, i.style.top, i.style.width], pixels: i.naturalWidth })));
    }
    const [a, b] = details;
    assert.deepEqual(a, b);
    assert.equal(`${a.pixels}px`, a.at[2]);
  },

  async "the map of trust lies over the result on demand"(page) {
    await pick(page, "photo.jpg");
    await page.click("#enlarge");
    await shown(page);
    const map = page.waitForResponse((r) => r.url().includes("image=trust"));
    await page.click("#show-trust");
    assert.equal((await map).status(), 200);
    await visible(page, "#pane-trust");
    await page.locator("#legend", { hasText: "least certain" }).waitFor({ timeout: 10000 });
    await shot(page, "trust");
    await page.keyboard.press("t");
    await page.locator("#pane-trust").waitFor({ state: "hidden" });
  },

  async "progress is shown live, and a cancel gives the picture back"(page) {
    ppm("long.ppm", 1500, 1400);
    await pick(page, "long.ppm");
    await page.click("#enlarge");
    await visible(page, "#work");
    const seen = new Set();
    for (let i = 0; i < 400 && seen.size < 2; i++) {
      seen.add(await page.locator("#bar").getAttribute("aria-valuenow"));
      await page.waitForTimeout(20);
    }
    seen.delete(null);
    assert.ok(seen.size >= 1, "no progress was shown");
    await shot(page, "progress");
    await page.click("#cancel");
    await page.locator("#work").waitFor({ state: "hidden", timeout: 10000 });
    assert.equal(await page.locator("#items .status").textContent(), "Not enlarged yet");
    assert.ok(await page.locator("#enlarge").isEnabled());
    assert.equal(await page.locator("#viewer").isVisible(), false);
  },

  async "a text file is refused in words, and can be removed"(page) {
    writeFileSync(at("notes.txt"), "This is no picture.\n");
    await page.setInputFiles("#file", at("notes.txt"));
    await page.click("#enlarge");
    await visible(page, "#failed");
    assert.match(await page.locator("#failed-text").textContent(), /^Not a picture/);
    await shot(page, "text-file");
    await page.click("#failed-remove");
    await visible(page, "#empty");
  },

  async "what is too large is refused before it is sent"(page) {
    ppm("huge.ppm", 3300, 3100); // 30.7 MB
    await pick(page, "huge.ppm");
    await visible(page, "#settings");
    assert.equal(await page.locator("#enlarge").isDisabled(), true);
    assert.match(await page.locator("#scale-note").textContent(), /larger than the 30 MB/);
  },

  async "several pictures wait in a list and are enlarged one after the other"(page) {
    await pick(page, "photo.png", "grey.png", "alpha.png");
    await page.click("#enlarge-all");
    const done = page.locator("#items li[data-phase=done]");
    await done.nth(2).waitFor({ timeout: 20000 });
    assert.equal(await done.count(), 3);
    await page.locator(".pick", { hasText: "alpha.png" }).click();
    await shown(page);
    assert.match(await page.locator("#result-size").textContent(), /80 × 64/);
    await shot(page, "list");
  },

  async "pictures are dropped and pasted"(page) {
    const bytes = [...readFileSync(at("grey.png"))];
    const give = (kind) =>
      page.evaluate(([kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
        const event =
          kind === "paste"
            ? new ClipboardEvent("paste", { clipboardData: data })
            : new DragEvent("drop", { dataTransfer: data, cancelable: true });
        dispatchEvent(event);
      }, [kind, bytes]);
    await give("drop");
    await visible(page, "#preview-image");
    assert.equal(await page.locator("#fact-name").textContent(), "drop.png");
    await give("paste");
    assert.equal(await page.locator("#fact-name").textContent(), "paste.png");
    await page.keyboard.press("Enter");
    await shown(page);
  },

  async "after loading the page again the results are still there"(page) {
    await pick(page, "photo.png");
    await page.click("#enlarge");
    await shown(page);
    await page.reload();
    await shown(page);
    assert.equal(await page.locator("#result-name").textContent(), "photo.png");
    await page.click("#items li .icon");
    await visible(page, "#empty");
    await page.reload();
    await visible(page, "#empty");
  },

  async "everything is within a phone's width, in dark colours too"(page) {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await pick(page, "photo.jpg");
    await shot(page, "phone-draft");
    await page.click("#enlarge");
    await shown(page);
    await shot(page, "phone-done");
    const wide = await page.evaluate(() => [...document.querySelectorAll("main *, header *")]
      .filter((e) => e.checkVisibility() && !e.closest(".sheet, .hidden"))
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.id || e.className));
    assert.deepEqual(wide, []);
    const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await dark(), "rgb(19, 20, 22)");
    await page.click("#theme"); // light
    assert.equal(await dark(), "rgb(244, 244, 242)");
  },

  async "everything is reached by keyboard alone"(page) {
    await page.keyboard.press("Tab");
    const names = new Set();
    await pick(page, "photo.png");
    await visible(page, "#preview-image");
    for (let i = 0; i < 14; i++) {
      await page.keyboard.press("Tab");
      names.add(await page.evaluate(() => document.activeElement?.id || document.activeElement?.className));
    }
    for (const name of ["model", "enlarge", "add", "pick"]) assert.ok(names.has(name), `${name} is not reached`);
    const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, a[href], select, input:not([hidden])")]
      .filter((e) => e.checkVisibility())
      .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length)).map((e) => e.id));
    assert.deepEqual(unnamed, []);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await visible(page, "#keys");
    await shot(page, "keys");
    await page.keyboard.press("Escape");
    await page.locator("#keys").waitFor({ state: "hidden" });
    await page.keyboard.press("Enter");
    await shown(page);
  },
};

let failed = 0;
const names = Object.keys(tests);
const wanted = process.argv[2];
for (const name of names.filter((n) => !wanted || n.includes(wanted))) {
  const page = await open();
  const begun = Date.now();
  try {
    await tests[name](page);
    console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failed++;
    console.log(`FAIL  ${name}\n${e.stack}`);
    await shot(page, `failed-${failed}`);
  }
  await page.close();
}

const check = (what, good, detail) => {
  console.log(`${good ? "ok   " : "FAIL "} ${what}${good ? "" : `: ${detail}`}`);
  failed += good ? 0 : 1;
};
check("nothing was asked of another server", foreign.length === 0, foreign.join(", "));
check("the page broke no policy and threw nothing", complaints.length === 0, complaints.join("\n"));

if (!wanted) {
  const page = await open();
  const code = await stop(server);
  check("the server ends well on a signal", code === 0, code);
  await page.setInputFiles("#file", at("photo.png"));
  await page.click("#enlarge");
  await visible(page, "#offline").then(
    () => check("a page without its server says so", true),
    () => check("a page without its server says so", false, "no banner"),
  );
} else await stop(server);
await browser.close();
process.exit(failed ? 1 : 0);
