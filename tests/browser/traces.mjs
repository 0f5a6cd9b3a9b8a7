// Traces: found, opened, walked through by keys, laid over the graph, and reached from an edge that fails.
import assert from "node:assert/strict";
import { drawn } from "./browser.mjs";
import { start } from "./program.mjs";
import { emptyPrometheus } from "./prometheus.mjs";

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];

const found = (page) => page.getByRole("table", { name: /^Traces found/ });
const tree = (page) => page.getByRole("treegrid", { name: "Spans" });
const panel = (page) => page.getByRole("complementary", { name: "Details" });
const path = (page) => page.getByRole("region", { name: "Path of a trace" });

async function api(pidali, address) {
  const answer = await fetch(`${pidali.url}api/v1/${address}`);
  assert.equal(answer.status, 200, address);
  return answer.json();
}

async function failingEdge(pidali) {
  const graph = await api(pidali, "graph");
  return graph.edges.find((it) => it.from.endsWith("/checkout") && it.to.endsWith("/payments-v2")).id;
}

/** A failed call along the edge is sampled sooner or later: half an hour holds some. */
async function failedTrace(pidali, window = "30m") {
  const edge = encodeURIComponent(await failingEdge(pidali));
  const told = await api(pidali, `traces?edge=${edge}&errors=true&limit=5&window=${window}`);
  assert.ok(told.items.length > 0, "no failed trace of the edge");
  return told.items[0];
}

/** The element that keys are at in the tree. */
async function active(page) {
  const id = await tree(page).getAttribute("aria-activedescendant");
  return page.locator(`#${id}`);
}

/** A trace of `n` spans: a root, a hundred below it, the rest below those. */
function large(n) {
  const spans = [];
  const push = (span) => spans.push({ id: `s${spans.length}`, kind: "server", service: 0, operation: 0, duration_us: 500, self_us: 5, ...span });
  push({ depth: 0, n_below: n - 1, at_us: 0, duration_us: 1_000_000, critical: [[0, 1_000_000]] });
  const each = Math.floor((n - 1) / 100) - 1;
  for (let branch = 0; branch < 100; branch++) {
    const parent = spans.length;
    push({ parent: 0, depth: 1, n_below: each, at_us: branch * 9000, duration_us: 9000, service: 1 });
    for (let leaf = 0; leaf < each; leaf++) {
      push({ parent, depth: 2, n_below: 0, at_us: branch * 9000 + leaf * 80, operation: 1, failed: leaf === 3 });
    }
  }
  const share = (name) => ({ name, n_spans: 1, n_errors: 0 });
  return {
    id: "abc", start_us: 1_769_860_800_000_000, duration_us: 1_000_000, n_spans: spans.length, n_errors: 100, spans, edges: [],
    services: [share("cart.shop"), share("web.shop")], operations: ["GET /", "SELECT"], warnings: [], notices: [],
  };
}

export default [
  [
    "traces: a search, a trace, its spans by keys, its path on the graph and back",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}graph?window=15m`);
      await page.getByRole("link", { name: "Traces", exact: true }).click();
      await page.waitForURL(/\/traces\?window=15m/);
      await page.getByLabel("Service", { exact: true }).fill("payments");
      await page.keyboard.press("Enter");
      await page.waitForURL(/service=payments/);
      await page.getByText(/^.*Asked for .*payments/).waitFor();
      const first = found(page).getByRole("link").first();
      await first.waitFor();
      // The picture has a point for each row, and says so.
      const rows = await found(page).locator("tbody tr").count();
      assert.equal(await page.locator(".scatter__point").count(), rows);
      await browser.keep("traces-search");
      await first.focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/traces\/[0-9a-f]+/);
      await tree(page).focus();
      const n = Number(await tree(page).getAttribute("aria-rowcount")) - 1;
      assert.ok(n > 3, `${n} spans`);
      await page.keyboard.press("End");
      assert.equal(await (await active(page)).getAttribute("aria-rowindex"), String(n + 1));
      await page.keyboard.press("Home");
      assert.equal(await (await active(page)).getAttribute("aria-level"), "1");
      await page.keyboard.press("ArrowLeft");
      assert.equal(await (await active(page)).getAttribute("aria-expanded"), "false");
      assert.equal(await tree(page).getAttribute("aria-rowcount"), "2");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      const details = page.getByRole("complementary", { name: "Span" });
      await details.getByRole("heading", { name: "Tags" }).waitFor();
      await page.waitForURL(/selected=/);
      await browser.keep("traces-span");
      await page.keyboard.press("Escape");
      await details.waitFor({ state: "detached" });
      await page.getByRole("link", { name: "Show its path on the graph" }).click();
      await page.waitForURL(/\/graph\?.*trace=/);
      await drawn(page);
      await path(page).getByText("Path of").waitFor();
      await page.waitForTimeout(400);
      await browser.keep("traces-path");
      await path(page).getByRole("link").first().click();
      await tree(page).waitFor();
      await page.goBack();
      await path(page).waitFor();
      await page.getByRole("button", { name: "Remove the path" }).click();
      await path(page).waitFor({ state: "detached" });
    },
  ],
  [
    "traces: from a failing edge to one of its failing traces, and back to the graph with its path",
    async ({ browser, pidali }) => {
      await failedTrace(pidali);
      const edge = await failingEdge(pidali);
      const page = await browser.graph(`${pidali.url}graph?window=30m&selected=${encodeURIComponent(edge)}`);
      const failed = panel(page).getByRole("list", { name: "Failed" }).getByRole("link");
      await failed.first().waitFor();
      assert.ok((await failed.count()) <= 5);
      await browser.keep("traces-edge");
      await failed.first().click();
      await page.waitForURL(/\/traces\/[0-9a-f]+/);
      await tree(page).waitFor();
      await page.getByRole("button", { name: "Errors only" }).click();
      await page.getByRole("search", { name: "Find spans" }).getByText(/match|of/).waitFor();
      await page.getByRole("button", { name: "Next match" }).click();
      assert.match(await (await active(page)).textContent(), /Failed:/);
      await page.getByRole("link", { name: "Show its path on the graph" }).click();
      await drawn(page);
      await path(page).getByText("Its calls").click();
      await path(page).getByRole("button", { name: "checkout → payments-v2" }).click();
      await page.waitForURL((url) => url.searchParams.get("selected") === edge && url.searchParams.has("trace"));
      await panel(page).waitFor();
      await page.waitForTimeout(400);
      await browser.keep("traces-edge-path");
    },
  ],
  [
    "traces: a canary's row in the routes leads to the traces of that version",
    async ({ browser, pidali }) => {
      const routes = await api(pidali, "routes");
      const route = routes.items.find((it) => JSON.stringify(it).includes("payments")).id;
      const page = await browser.open(`${pidali.url}routes?window=30m&selected=${encodeURIComponent(route)}`);
      await page.getByRole("link", { name: "Traces of canary" }).first().click();
      await page.waitForURL(/\/traces\?.*service=payments.*version=v2/);
      await found(page).getByRole("link").first().waitFor();
      const versions = await page.locator(".traces__version").allTextContents();
      assert.ok(versions.length > 0 && versions.every((it) => it === "v2"), versions.join());
    },
  ],
  [
    "traces: a point of a latency chart leads to the traces of its time",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}services/payments/payments?window=30m`);
      const way = page.getByRole("link", { name: /^Traces at its highest/ });
      await way.waitFor();
      await way.click();
      await page.waitForURL((url) => url.pathname.endsWith("/traces") && url.searchParams.has("at"));
      await page.waitForURL(/service=payments/);
      await page.getByText(/Asked for/).waitFor();
    },
  ],
  [
    "traces: a name that a person corrects is kept in this browser, used and told",
    async ({ browser, pidali }) => {
      const names = await api(pidali, "traces/names");
      const row = names.items.find((it) => it.found.length > 0);
      const page = await browser.open(`${pidali.url}traces/names`);
      const field = page.getByLabel(`Tracing name of ${row.service} in ${row.namespace}, kept in this browser`);
      await field.fill(row.found[0]);
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Forget this name" }).waitFor();
      await browser.keep("traces-names");
      await page.reload();
      assert.equal(await field.inputValue(), row.found[0]);
      await page.getByRole("link", { name: row.service, exact: true }).first().click();
      await page.waitForURL((url) => url.searchParams.get("name") === row.found[0]);
      await page.getByText(/the name that this browser keeps/).waitFor();
    },
  ],
  [
    "traces: two are compared by service and operation",
    async ({ browser, pidali }) => {
      const { items } = await api(pidali, "traces?window=15m&service=checkout");
      assert.ok(items.length > 1, "fewer than two traces");
      const page = await browser.open(`${pidali.url}traces/${items[0].id}`);
      await page.getByLabel("The id of a trace to compare with").fill(items[1].id);
      await page.getByRole("button", { name: "Compare", exact: true }).click();
      await page.waitForURL((url) => url.searchParams.get("with") === items[1].id);
      const table = page.getByRole("table", { name: /^By service and operation/ });
      await table.getByRole("row").nth(1).waitFor();
      await browser.keep("traces-compared");
      await page.getByRole("link", { name: "Swap" }).click();
      await page.waitForURL((url) => url.searchParams.get("with") === items[0].id);
    },
  ],
  [
    "traces: of ten thousand spans only those in view are in the page, and keys reach the last",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}traces/names`);
      const trace = large(10_001);
      const json = (body) => (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(body) });
      let release;
      const awaited = new Promise((done) => { release = done; });
      const first = { ...trace, spans: trace.spans.slice(0, 200) };
      await page.route(/\/traces\/abc\?first=200/, json(first));
      await page.route("**/api/v1/traces/abc", async (route) => {
        await awaited;
        await json(trace)(route);
      });
      await page.route("**/api/v1/traces/abc/ranks", json({ items: [], notices: [], window_s: 3600, at_ms: 0 }));
      await page.goto(`${pidali.url}traces/abc`);
      // The rows that a screen holds are there before the rest is, and it is said that they are not all.
      await page.getByText("The first 200 spans are shown until the others are here.").waitFor();
      assert.equal(await tree(page).getAttribute("aria-rowcount"), "201");
      await page.getByLabel("The whole trace").getByText("10,001").waitFor();
      await browser.keep("traces-first");
      await tree(page).focus();
      await page.keyboard.press("ArrowDown");
      release();
      const all = trace.spans.length;
      await page.locator(`[role=treegrid][aria-rowcount="${all + 1}"]`).waitFor();
      assert.equal(await page.getByText(/spans are shown until/).count(), 0);
      assert.equal(await (await active(page)).getAttribute("aria-rowindex"), "3", "the rest moves nobody");
      assert.equal(await tree(page).getAttribute("aria-rowcount"), String(all + 1));
      const inPage = () => page.locator("[role=treegrid] .span").count();
      assert.ok((await inPage()) < 120, `${await inPage()} rows`);
      await page.keyboard.press("End");
      assert.equal(await (await active(page)).getAttribute("aria-rowindex"), String(all + 1));
      assert.ok((await inPage()) < 120, `${await inPage()} rows`);
      await page.getByRole("button", { name: "Fold all", exact: true }).click();
      assert.equal(await tree(page).getAttribute("aria-rowcount"), "102");
      await page.getByLabel("Find spans by service or operation").fill("cart select");
      await page.getByText("9,900 matches").waitFor();
      await browser.keep("traces-large");
    },
  ],
  [
    "traces: a service that only traces know is on the graph without rates, and leads to its traces",
    async ({ browser, pidali }) => {
      const mailer = "-/-/traced/mailer";
      // Whoever looks at the graph has it looked for; the next graph shows it.
      let graph;
      for (let round = 0; round < 60; round++) {
        graph = await api(pidali, "graph");
        if (graph.nodes.some((it) => it.id === mailer)) break;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      const edge = graph.edges.find((it) => it.to === mailer);
      assert.ok(edge, "nobody calls the mailer");
      assert.equal(edge.view, "traces");
      const page = await browser.open(`${pidali.url}graph?selected=${encodeURIComponent(mailer)}`);
      await drawn(page);
      await panel(page).getByText("Seen in traces alone").waitFor();
      await panel(page).getByText(/no proxy reports its calls/).waitFor();
      await panel(page).getByText(/from traces, sampled: \d/).waitFor();
      // Nothing was measured: there is nothing to chart.
      assert.equal(await panel(page).getByRole("heading", { name: "Over time" }).count(), 0);
      assert.equal(await panel(page).getByText("PromQL behind").count(), 0);
      await browser.keep("traces-traced-node");
      const open = panel(page).getByRole("link", { name: "Open its traces" });
      assert.match(await open.getAttribute("href"), /name=mailer/);
      await panel(page).getByRole("button", { name: /orders.*sampled/ }).click();
      await panel(page).getByText("calls seen in traces alone").waitFor();
      await browser.keep("traces-traced-edge");
      await panel(page).getByRole("link", { name: "All traces of these calls" }).click();
      await page.waitForURL(/\/traces\?.*edge=/);
      await found(page).getByRole("link").first().click();
      await tree(page).waitFor();
      // Its path passes the edge that only traces know.
      await page.getByRole("link", { name: "Show its path on the graph" }).click();
      await path(page).getByText("Path of").waitFor();
      await browser.keep("traces-traced-path");
    },
  ],
  [
    "traces: without a tracing backend the page says what to set, and an edge's panel does not ask",
    async ({ browser }) => {
      const prometheus = await emptyPrometheus();
      const pidali = await start(["serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url]);
      const page = await browser.open(`${pidali.url}traces`, { forgive: [/404 \(Not Found\)/] });
      await page.getByRole("heading", { name: "Nobody keeps traces" }).waitFor();
      await page.getByText(/--jaeger/).waitFor();
      await browser.keep("traces-none");
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  [
    "traces: a filter with a mistake is named at its field",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}traces`);
      const field = page.getByLabel("Longer than");
      await field.fill("slow");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").filter({ hasText: "Longer than" }).waitFor();
      assert.equal(await field.getAttribute("aria-invalid"), "true");
    },
  ],
  ...SIZES.flatMap(([width, height]) =>
    ["light", "dark"].map((theme) => [
      `traces at ${width} × ${height}, ${theme}`,
      async ({ browser, pidali }) => {
        const row = await failedTrace(pidali);
        const { items } = await api(pidali, "traces?window=15m&service=checkout");
        const edge = encodeURIComponent(await failingEdge(pidali));
        const pages = {
          search: ["traces?window=30m&service=payments", found],
          trace: [`traces/${row.id}`, tree],
          span: [`traces/${row.id}?selected=${row.matched.span}`, tree],
          compared: [`traces/${row.id}?with=${items[0].id}`, tree],
          names: ["traces/names", (page) => page.getByRole("table")],
          path: [`graph?window=30m&trace=${row.id}`, path],
          edge: [`graph?window=30m&selected=${edge}`, panel],
        };
        for (const [name, [address, there]] of Object.entries(pages)) {
          const page = await browser.open(pidali.url + address, { width, height, theme });
          await there(page).first().waitFor();
          await page.waitForTimeout(900);
          const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(wide <= room, `${name} is ${wide} px wide on ${room} px`);
          await browser.keep(`traces-${name}-${width}-${theme}`, page);
        }
      },
    ]),
  ),
];
