// Preflight: whether the mesh has what the dashboard needs, worst first, with the lines to paste.
import assert from "node:assert/strict";
import { start } from "./program.mjs";
import { emptyPrometheus } from "./prometheus.mjs";

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];
const RANK = { fail: 0, warn: 1, unknown: 2, ok: 3 };

const groups = (page) => page.getByRole("list", { name: "What was looked at, worst first" });
const group = (page, title) =>
  groups(page).locator(":scope > li").filter({ has: page.getByRole("heading", { name: new RegExp(`^${title}`), level: 2 }) });

export default [
  [
    "preflight: every group of the answer is shown, the worst first, with signs that have words",
    async ({ browser, pidali }) => {
      const told = await (await fetch(`${pidali.url}api/v1/preflight`)).json();
      const ranks = told.groups.map((it) => RANK[it.status]);
      assert.deepEqual(ranks, ranks.toSorted((a, b) => a - b));
      const page = await browser.open(`${pidali.url}graph`);
      await page.getByRole("link", { name: "Preflight", exact: true }).click();
      await page.waitForURL(/\/preflight/);
      await groups(page).waitFor();
      const titles = await groups(page).getByRole("heading", { level: 2 }).allTextContents();
      assert.equal(titles.length, told.groups.length);
      for (const [at, it] of told.groups.entries()) assert.ok(titles[at].startsWith(it.title), `${titles} / ${it.title}`);
      const items = told.groups.flatMap((it) => it.items);
      assert.equal(await groups(page).getByRole("heading", { level: 3 }).count(), items.length);
      const traces = await group(page, "Traces").textContent();
      assert.match(traces, /The traces are those of the built-in mesh/);
      // It is of now, and of the whole mesh; scrapes are counted against a window.
      assert.equal(await page.getByRole("button", { name: /^Window/ }).count(), 1);
      await browser.keep("preflight");
    },
  ],
  [
    "preflight: without a cluster it says what can't be told, and how to give one, by keys alone",
    async ({ browser }) => {
      const prometheus = await emptyPrometheus();
      const pidali = await start(["serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url]);
      const page = await browser.open(`${pidali.url}sources`);
      const link = page.getByRole("main").getByRole("link", { name: "Preflight" });
      await link.focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/preflight/);
      await groups(page).waitFor();
      const metrics = group(page, "Metrics");
      assert.match(await metrics.textContent(), /fails/);
      const copy = metrics.getByRole("button", { name: "Copy the lines" }).first();
      await copy.focus();
      await page.keyboard.press("Enter");
      await metrics.getByText("Copied").waitFor();
      await browser.keep("preflight-no-cluster");
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  [
    "preflight: an empty graph leads there",
    async ({ browser }) => {
      const prometheus = await emptyPrometheus();
      const pidali = await start(["serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url]);
      const page = await browser.open(`${pidali.url}graph`);
      await page.getByRole("link", { name: "See the preflight" }).click();
      await groups(page).waitFor();
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  ...SIZES.flatMap(([width, height]) =>
    ["light", "dark"].map((theme) => [
      `preflight at ${width} × ${height}, ${theme}`,
      async ({ browser, pidali }) => {
        const page = await browser.open(`${pidali.url}preflight`, { width, height, theme });
        await groups(page).waitFor();
        await page.waitForTimeout(400);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= room, `preflight is ${wide} px wide on ${room} px`);
        await browser.keep(`preflight-${width}-${theme}`, page);
      },
    ]),
  ),
];
