// Opens the page again and again in fresh browser profiles; prints medians as JSON. Beside it, in turn, a
// page with nothing on it, from the same server.
import { launch } from "../tests/browser/chromium.mjs";

const url = process.argv[2];
const runs = 7;
const chrome = await launch();
const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];

async function open(address, read) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(address);
  const time = await read(page);
  await context.close();
  return time;
}

const blank = [];
const graph = [];
for (let run = 0; run <= runs; run += 1) {
  const empty = await open(`${url}healthz`, async (page) => {
    await page.waitForLoadState("load");
    return page.evaluate(
      () => performance.getEntriesByType("navigation")[0].loadEventEnd || performance.now(),
    );
  });
  const first = await open(`${url}graph`, async (page) => {
    await page.waitForFunction(() => performance.getEntriesByName("pidali:first-graph").length > 0);
    return page.evaluate(() => performance.getEntriesByName("pidali:first-graph")[0].startTime);
  });
  // The first round warms the browser itself.
  if (run > 0) {
    blank.push(empty);
    graph.push(first);
  }
}
await chrome.close();
console.log(JSON.stringify({ blank_ms: median(blank), first_graph_ms: median(graph) }));
