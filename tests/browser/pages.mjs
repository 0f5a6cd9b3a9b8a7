// Overview, services and workloads: from what is not well to the calls behind it, and back.
import assert from "node:assert/strict";
import { drawn } from "./browser.mjs";

const table = (page, name) => page.getByRole("table", { name });

/** The names down a table, top to bottom. */
const names = (page, caption) => table(page, caption).locator("tbody th a.listing__open").allTextContents();

export default [
  [
    "overview to a workload that is not well, to its service, to the graph and back",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}overview?window=15m`);
      const rows = table(page, "Namespaces");
      await rows.waitFor();
      const told = await (await fetch(`${pidali.url}api/v1/overview?window=15m`)).json();
      assert.equal(await rows.getByRole("row").count(), told.items.length + 1);
      await page.getByText("Newest data").waitFor();
      // What fails is named where it fails, and leads there.
      await rows.getByRole("link", { name: /payments-v2/ }).click();
      await page.getByRole("heading", { level: 1, name: "payments-v2" }).waitFor();
      assert.match(page.url(), /\/workloads\/payments\/payments-v2\?window=15m/);
      await table(page, "Calls to it, by caller").getByRole("link", { name: "checkout" }).waitFor();

      await page.getByRole("link", { name: "Service payments" }).click();
      await page.getByRole("heading", { level: 1, name: "payments" }).waitFor();
      const versions = table(page, /^Versions/);
      await versions.getByRole("row", { name: /payments-v1/ }).waitFor();
      await versions.getByRole("row", { name: /payments-v2/ }).waitFor();
      await page.getByRole("link", { name: /VirtualService payments/ }).waitFor();

      await page.getByRole("link", { name: "Show in the graph" }).click();
      await drawn(page);
      assert.match(page.url(), /\/graph\?.*by=service.*focus=[^&]*service\/payments/);
      const panel = page.getByRole("complementary", { name: "Details" });
      await panel.getByRole("link", { name: "Open its page" }).click();
      await page.getByRole("heading", { level: 1, name: "payments" }).waitFor();
      assert.match(page.url(), /\/services\/payments\/payments\?window=15m/);
    },
  ],
  [
    "a name is found from any page, and what is chosen keeps the focus",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}overview`);
      await table(page, "Namespaces").waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("stock-v2");
      // Nothing calls it: it is in no graph.
      await page.getByRole("option", { name: /stock-v2.*Workload/ }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "stock-v2" }).waitFor();
      assert.match(page.url(), /\/workloads\/inventory\/stock-v2/);

      await page.getByRole("link", { name: "Show in the graph" }).click();
      const panel = page.getByRole("complementary", { name: "Details" });
      await panel.getByRole("button", { name: "Show what is idle" }).click();
      await panel.getByRole("heading", { name: "stock-v2" }).waitFor();

      await page.getByRole("button", { name: /^Namespaces:/ }).click();
      const legacy = page.getByRole("option", { name: /^legacy/ });
      await legacy.click();
      await page.waitForURL(/namespaces=legacy/);
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "combobox");
      await page.keyboard.press("Escape");
      await legacy.waitFor({ state: "hidden" });
    },
  ],
  [
    "services are sorted by keys alone, and the link says how",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}services`);
      await table(page, "Services").waitFor();
      const head = page.getByRole("columnheader", { name: "Name", exact: true });
      assert.equal(await page.getByRole("columnheader", { name: "Health" }).getAttribute("aria-sort"), "ascending");
      await head.getByRole("button").focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/sort=name/);
      assert.equal(await head.getAttribute("aria-sort"), "ascending");
      const up = await names(page, "Services");
      assert.ok(up.length > 10, `${up}`);
      assert.deepEqual(up, [...up].sort());
      await page.keyboard.press("Enter");
      await page.waitForURL(/sort=-name/);
      assert.deepEqual(await names(page, "Services"), [...up].reverse());
      // Arrows go from row to row, Enter opens one.
      await table(page, "Services").locator("tbody a.listing__open").first().focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: [...up].reverse()[1], exact: true }).waitFor();
    },
  ],
  [
    "the heatmap has a text twin with the same counts",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}workloads/default/backend-v1?window=15m`);
      const picture = page.getByRole("img", { name: /^Latency heatmap/ }).first();
      await picture.waitFor();
      const figure = page.locator("figure", { has: picture });
      await figure.getByText("Values", { exact: true }).click();
      await figure.getByRole("table").waitFor();
      // Both in one look: the mesh lives, and its next minute may come in between two.
      const [cells, filled] = await figure.evaluate((it) => {
        const twin = [...it.querySelectorAll("table tbody td")];
        const filled = twin.filter((cell) => !["0", "–"].includes(cell.textContent));
        return [it.querySelectorAll(".heatmap__cells rect").length, filled.length];
      });
      assert.ok(cells > 30, `${cells} cells`);
      assert.equal(filled, cells, "a cell for each count that is not zero");
      await browser.keep("heatmap");
    },
  ],
  [
    "a link to a service shows a colleague the same: window, order, page",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}services/default/backend?window=15m`);
      const sees = async (page) => {
        await page.getByRole("heading", { level: 1, name: "backend" }).waitFor();
        await page.getByRole("button", { name: /Window:.*15m/ }).waitFor();
        await table(page, "Calls to it, by caller").getByRole("link", { name: "frontend" }).waitFor();
        assert.equal(await page.getByRole("link", { name: "Services", exact: true }).first().getAttribute("aria-current"), "page");
      };
      await sees(page);
      await page.reload();
      await sees(page);
      await sees(await browser.open(page.url()));
      const listed = await browser.open(`${pidali.url}workloads?namespaces=default&sort=-p95`);
      await table(listed, "Workloads").waitFor();
      const column = listed.getByRole("columnheader", { name: "p95" });
      assert.equal(await column.getAttribute("aria-sort"), "descending");
      const places = await table(listed, "Workloads").locator("tbody tr").allTextContents();
      assert.ok(places.length >= 3 && places.every((row) => row.includes("default")), `${places}`);
    },
  ],
  [
    "what is not known is said, with a way on",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}services/default/nobody`, { forgive: [/status of 404/] });
      await page.getByRole("heading", { name: "There is no such service" }).waitFor();
      assert.match(await page.getByRole("main").textContent(), /nobody in namespace default/);
      await page.getByRole("main").getByRole("link", { name: "All services" }).click();
      await table(page, "Services").waitFor();
      const empty = await browser.open(`${pidali.url}workloads?namespaces=nowhere`);
      await empty.getByRole("heading", { name: "No workloads" }).waitFor();
      await empty.getByRole("button", { name: "Show all namespaces" }).click();
      await table(empty, "Workloads").waitFor();
      const wrong = await browser.open(`${pidali.url}overview?window=0`);
      await wrong.getByText("This link has a mistake").waitFor();
    },
  ],
  [
    "figures change by themselves while a link keeps its focus",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}services?window=1m`);
      const row = table(page, "Services").getByRole("row", { name: /^\S* ?backend / });
      const link = row.getByRole("link", { name: "backend", exact: true });
      await link.focus();
      const before = await row.textContent();
      await page.waitForFunction(
        (old) => [...document.querySelectorAll("tbody tr")].every((row) => row.textContent !== old),
        before,
        { timeout: 45_000 },
      );
      assert.equal(await link.evaluate((el) => el === document.activeElement), true);
    },
  ],
];
