// Opens a large trace again and again: from the list, and in fresh browser profiles; prints medians as JSON. Beside it,
// in turn, a page with nothing on it, from the same server.
import { launch } from "../tests/browser/chromium.mjs";

const [url, trace] = process.argv.slice(2);
const runs = 7;
const chrome = await launch();
const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
const first = (page) =>
  page.waitForFunction(() => performance.getEntriesByName("pidali:first-rows").length > 0, null, { polling: "raf" });
const mark = (page) => page.evaluate(() => performance.getEntriesByName("pidali:first-rows")[0].startTime);

async function fresh(work) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 } });
  const time = await work(await context.newPage());
  await context.close();
  return time;
}

const blank = [];
const opened = [];
const clicked = [];
for (let run = 0; run <= runs; run += 1) {
  const empty = await fresh(async (page) => {
    await page.goto(`${url}healthz`);
    await page.waitForLoadState("load");
    return page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd || performance.now());
  });
  const address = await fresh(async (page) => {
    await page.goto(`${url}traces/${trace}`);
    await first(page);
    return mark(page);
  });
  const click = await fresh(async (page) => {
    await page.goto(`${url}traces?name=service-0.shop&window=1h`);
    const link = page.locator(`a.listing__open[href*="${trace}"]`).first();
    await link.waitFor();
    // What the browser itself notes of the click: no time of the driver's way to it is counted.
    await page.evaluate(() => {
      addEventListener("click", (event) => performance.mark("bench:click", { startTime: event.timeStamp }), true);
    });
    await link.click();
    await first(page);
    const at = await page.evaluate(() => performance.getEntriesByName("bench:click")[0].startTime);
    return (await mark(page)) - at;
  });
  // The first round warms the browser itself.
  if (run > 0) {
    blank.push(empty);
    opened.push(address);
    clicked.push(click);
  }
}
await chrome.close();
console.log(
  JSON.stringify({ blank_ms: median(blank), new_browser_ms: median(opened), first_rows_ms: median(clicked) }),
);
