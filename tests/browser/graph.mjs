// Reading the mesh: the picture, its list, the panel, what is asked for.
import assert from "node:assert/strict";
import { entry, list } from "./browser.mjs";

const share = (text) => Number(/(\d+(?:\.\d+)?) % of the calls to backend/.exec(text)?.[1]);

/** Opens one of the bar's choices and picks an option. */
async function choose(page, button, option) {
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("menuitemradio", { name: option, exact: true }).click();
}

export default [
  [
    "the edges into backend-v1 and backend-v2 say 90 and 10",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph`);
      const stable = entry(page, "frontend → backend-v1, http");
      const canary = entry(page, "frontend → backend-v2, http");
      const [a, b] = [share(await stable.textContent()), share(await canary.textContent())];
      assert.ok(Math.abs(a - 90) <= 3, `v1 has ${a} %`);
      assert.ok(Math.abs(b - 10) <= 3, `v2 has ${b} %`);
      assert.ok(Math.abs(a + b - 100) <= 1, `${a} % and ${b} %`);
      // The page counted the same as the server says.
      const graph = await (await fetch(`${pidali.url}api/v1/graph`)).json();
      const rate = (to) =>
        graph.edges.find((e) => e.from.endsWith("/frontend") && e.to.endsWith(to)).rps;
      const told = (100 * rate("backend-v1")) / (rate("backend-v1") + rate("backend-v2"));
      assert.ok(Math.abs(told - a) <= 2, `the server says ${told} %, the page ${a} %`);
    },
  ],
  [
    "the picture is painted: cards, lines and names, not an empty canvas",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph`);
      await page.waitForTimeout(500);
      const colours = await page.evaluate(() => {
        const canvas = document.querySelector(".canvas__picture");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Map();
        for (let at = 0; at < data.length; at += 4) {
          const key = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
        return { many: seen.size, surface: seen.get(0xffffff) ?? 0, failing: seen.get(0xb93a17) ?? 0 };
      });
      assert.ok(colours.many > 50, `only ${colours.many} colours`);
      assert.ok(colours.surface > 5000, "no cards");
      assert.ok(colours.failing > 20, "nothing in the colour of what fails");
    },
  ],
  [
    "a click on a card opens its panel; dragging the picture does not",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph?namespaces=default`);
      await page.waitForTimeout(500);
      const box = await page.locator(".canvas__picture").boundingBox();
      // Find something with the pointer, as a person does.
      let at;
      search: for (let y = 0.1; y < 0.95; y += 0.05) {
        for (let x = 0.05; x < 0.95; x += 0.04) {
          await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
          if (await page.locator(".tip").count()) {
            at = [box.x + box.width * x, box.y + box.height * y];
            break search;
          }
        }
      }
      assert.ok(at, "nothing under the pointer anywhere");
      await page.mouse.down();
      await page.mouse.move(at[0] + 60, at[1] + 30, { steps: 4 });
      await page.mouse.up();
      assert.equal(await page.getByRole("complementary", { name: "Details" }).count(), 0);
      await page.mouse.click(at[0] + 60, at[1] + 30);
      await page.getByRole("complementary", { name: "Details" }).waitFor();
      assert.match(page.url(), /selected=/);
    },
  ],
  [
    "by keys alone: find a call, follow it, open the panel, close it",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph`);
      await list(page).focus();
      await page.keyboard.press("Home");
      const active = () =>
        list(page).evaluate((el) => document.getElementById(el.getAttribute("aria-activedescendant"))?.textContent);
      for (let n = 0; n < 200 && !/^frontend/.test(await active()); n += 1) {
        await page.keyboard.press("ArrowDown");
      }
      assert.match(await active(), /^frontend/);
      await page.keyboard.press("ArrowRight");
      assert.match(await active(), /^frontend → backend-v1/);
      await page.keyboard.press("ArrowRight");
      assert.match(await active(), /^backend-v1/);
      await page.keyboard.press("Enter");
      const panel = page.getByRole("complementary", { name: "Details" });
      await panel.waitFor();
      assert.match(await panel.textContent(), /backend-v1/);
      await page.keyboard.press("Escape");
      await panel.waitFor({ state: "detached" });
      assert.doesNotMatch(page.url(), /selected=/);
    },
  ],
  [
    "the panel shows rate, errors by code, quantiles and a chart",
    async ({ browser, pidali }) => {
      const graph = await (await fetch(`${pidali.url}api/v1/graph`)).json();
      const worst = graph.edges.find((e) => e.to.endsWith("payments-v2"));
      const selected = encodeURIComponent(worst.id);
      // An hour: every code of the story has surely been drawn by then.
      const page = await browser.graph(`${pidali.url}graph?window=1h&selected=${selected}`);
      const panel = page.getByRole("complementary", { name: "Details" });
      await panel.locator("svg.chart__picture, .chart svg").first().waitFor();
      const text = await panel.textContent();
      for (const word of ["rps", "p50", "p95", "p99", "200", "503"]) {
        assert.ok(text.includes(word), `the panel does not say ${word}: ${text.slice(0, 600)}`);
      }
      await browser.keep("panel");
    },
  ],
  [
    "window, namespaces and theme are switched, and the first two are in the address",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph`);
      const [answer] = await Promise.all([
        page.waitForResponse((r) => /api\/v1\/graph\?.*window=15m/.test(r.url())),
        choose(page, /Window:/, "15 minutes"),
      ]);
      assert.equal((await answer.json()).window_s, 900);
      assert.match(page.url(), /window=15m/);

      await page.getByRole("button", { name: /Namespaces:/ }).click();
      await page.getByRole("option", { name: /^default/ }).click();
      await page.keyboard.press("Escape");
      await page.waitForURL(/namespaces=default/);
      await entry(page, "web,").waitFor({ state: "detached" });
      assert.equal(await entry(page, "frontend → backend-v2").count(), 1);

      await choose(page, /Theme/, "Dark");
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(await theme(), "dark");
      await page.reload();
      assert.equal(await theme(), "dark", "the choice outlives a reload");
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, "rgb(14, 20, 26)");
    },
  ],
  [
    "the table says what the picture says",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph`);
      await page.getByText("Table", { exact: true }).click();
      const table = page.getByRole("table");
      await table.waitFor();
      assert.match(page.url(), /view=table/);
      const graph = await (await fetch(`${pidali.url}api/v1/graph`)).json();
      const rows = await table.getByRole("row").count();
      assert.ok(Math.abs(rows - 1 - graph.edges.length) <= 2, `${rows} rows for ${graph.edges.length} edges`);
      assert.ok((await table.textContent()).includes("backend-v2"));
    },
  ],
  [
    "the mesh lives: figures change by themselves, nothing jumps",
    async ({ browser, pidali }) => {
      const page = await browser.graph(`${pidali.url}graph?window=1m`);
      const text = () => entry(page, "frontend → backend-v1, http").textContent();
      const before = await text();
      await page.waitForFunction(
        (old) =>
          [...document.querySelectorAll("[role=option]")].some(
            (o) => o.textContent.startsWith("frontend → backend-v1, http") && o.textContent !== old,
          ),
        before,
        { timeout: 45_000 },
      );
    },
  ],
];
