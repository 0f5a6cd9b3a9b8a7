// Control plane, sidecars, circuit breakers, what a source lacks, and the PromQL behind figures.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { start } from "./program.mjs";
import { listening } from "./prometheus.mjs";

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];

async function fits(page, what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what} is ${wide} px wide on ${room} px`);
}

/** A Prometheus that answers, and holds nothing of Istio. */
async function empty() {
  const server = createServer((request, answer) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      const refused = body.includes("median_over_time");
      const json = refused
        ? { status: "error", errorType: "bad_data", error: "unknown function" }
        : { status: "success", data: { resultType: "vector", result: [] } };
      answer.writeHead(refused ? 400 : 200, { "content-type": "application/json" }).end(JSON.stringify(json));
    });
  });
  return listening(server);
}

export default [
  [
    "control: the control plane is judged, counted and explained",
    async ({ browser, pidali }) => {
      const told = await (await fetch(`${pidali.url}api/v1/control-plane`)).json();
      const page = await browser.open(`${pidali.url}graph`);
      await page.getByRole("link", { name: "Control plane" }).click();
      await page.waitForURL("**/control-plane**");
      const main = page.getByRole("main");
      await main.getByRole("heading", { name: "How it stands" }).waitFor();
      const text = await main.textContent();
      for (const said of [told.istiods[0].pod, "Proxies connected", "Root certificate", "CDS"]) {
        assert.ok(text.includes(said), `${said} is not told`);
      }
      // The control plane serves all namespaces: there is none to choose.
      assert.equal(await page.getByRole("button", { name: /^Namespaces/ }).count(), 0);
    },
  ],
  [
    "control: the PromQL behind the figures can be read and copied",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}control-plane?window=15m`);
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.getByRole("button", { name: "The PromQL behind these figures" }).click();
      const panel = page.getByRole("dialog", { name: "The PromQL behind these figures" });
      await panel.getByText("what a Prometheus would be asked").waitFor();
      const text = await panel.textContent();
      assert.ok(text.includes("pilot_xds_pushes[15m]"), text);
      await panel.getByRole("button", { name: "Copy the question" }).first().click();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      const asked = await (await fetch(`${pidali.url}api/v1/queries?of=control-plane&window=15m`)).json();
      assert.equal(copied, asked.items[0].promql);
      await page.keyboard.press("Escape");
      assert.equal(await panel.count(), 0);
    },
  ],
  [
    "control: sidecars are told by workload and namespace, and sorted by the address",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}sidecars`);
      const table = page.getByRole("region", { name: "Proxies by workload" });
      await table.waitFor();
      await table.getByRole("button", { name: "Workload" }).click();
      await page.waitForURL(/sort=name/);
      const names = await table.locator("tbody th").allTextContents();
      assert.deepEqual(names.length > 20, true, `${names.length} rows`);
      const told = await (await fetch(`${pidali.url}api/v1/sidecars`)).json();
      const totals = await page.getByRole("region", { name: "What sidecars cost", exact: true }).textContent();
      assert.ok(totals.includes(String(told.total.pods)), totals);
      await page.goto(`${pidali.url}sidecars?namespaces=default`);
      await table.waitFor();
      assert.equal(await table.getByText("payments").count(), 0);
    },
  ],
  [
    "control: a breaker without effect is said to be, with the mend, and Envoy’s figures have a text to paste",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}breakers`);
      const hosts = page.getByRole("list", { name: "Hosts, worst first" });
      await hosts.waitFor();
      const backend = hosts.getByRole("listitem").filter({ hasText: "backend" }).first();
      const text = await backend.textContent();
      assert.match(text, /Configured but without effect: DestinationRule default\/backend-circuit-breaker/);
      assert.match(text, /100 connections, 50 waiting/);
      assert.match(text, /[Jj]oin both into one DestinationRule/);
      const told = await (await fetch(`${pidali.url}api/v1/breakers`)).json();
      if (told.expose) {
        const paste = page.getByRole("region", { name: "Have Envoy tell more" });
        assert.match(await paste.textContent(), /proxyStatsMatcher:/);
      }
    },
  ],
  [
    "control: an edge and a node say the PromQL behind their figures",
    async ({ browser, pidali }) => {
      const graph = await (await fetch(`${pidali.url}api/v1/graph?namespaces=default`)).json();
      const id = graph.edges.find((e) => e.to.endsWith("backend-v1")).id;
      const page = await browser.graph(`${pidali.url}graph?namespaces=default&selected=${encodeURIComponent(id)}`);
      const panel = page.getByRole("complementary", { name: "Details" });
      await panel.getByText("PromQL behind these figures").click();
      await panel.getByText("destination_workload=\"backend-v1\"").first().waitFor();
    },
  ],
  [
    "control: an empty graph leads to what the source lacks, with the text to paste for both settings",
    async ({ browser }) => {
      const prometheus = await empty();
      const pidali = await start(["serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url]);
      const page = await browser.open(`${pidali.url}graph`);
      await page.getByText("No traffic to draw").waitFor();
      await page.getByRole("link", { name: "See what is missing" }).click();
      await page.waitForURL("**/sources**");
      const main = page.getByRole("main");
      await main.getByText("holds no metrics of Istio’s proxies").or(main.getByText("holds no metrics of Istio's proxies")).first().waitFor();
      await main.getByText("Scrape proxies and istiod: with a plain prometheus.yml").waitFor();
      await main.getByText("AKS add-on").click();
      await main.getByText("Have Azure Monitor scrape").first().waitFor();
      for (const theme of ["light", "dark"]) {
        for (const [width, height] of SIZES) {
          const seen = await browser.open(`${pidali.url}sources`, { width, height, theme });
          await seen.getByText("What to paste").first().waitFor();
          await seen.waitForTimeout(400);
          await fits(seen, `sources of an empty Prometheus at ${width}`);
          await browser.keep(`sources-empty-${width}-${theme}`, seen);
        }
      }
      for (const name of ["control-plane", "sidecars", "breakers"]) {
        const seen = await browser.open(`${pidali.url}${name}`);
        await seen.getByRole("main").getByRole("link", { name: "See the sources" }).waitFor();
        await browser.keep(`${name}-empty`, seen);
      }
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  [
    "control: Grafana’s dashboards are a click away where there is a Grafana",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0", "--grafana", "https://grafana.example/tools"]);
      const page = await browser.open(`${pidali.url}control-plane`);
      const link = page.getByRole("link", { name: /^Control plane dashboard in Grafana/ });
      await link.waitFor();
      assert.match(await link.getAttribute("href"), /^https:\/\/grafana\.example\/tools\/d\/[^/]+\/istio-control-plane-dashboard\?/);
      assert.match(await link.getAttribute("rel"), /noopener/);
      const node = "Kubernetes/default/backend-v1";
      const seen = await browser.graph(`${pidali.url}graph?selected=${encodeURIComponent(node)}`);
      const workload = seen.getByRole("link", { name: /^Workload dashboard in Grafana/ });
      await workload.waitFor();
      assert.match(await workload.getAttribute("href"), /var-namespace=default&var-workload=backend-v1/);
      await browser.keep("panel-grafana", seen);
      await browser.leave();
      await pidali.stop();
    },
  ],
  ...SIZES.flatMap(([width, height]) =>
    ["light", "dark"].map((theme) => [
      `control: control plane, sidecars, breakers and sources at ${width} × ${height}, ${theme}`,
      async ({ browser, pidali }) => {
        for (const name of ["control-plane", "sidecars", "breakers", "sources"]) {
          const page = await browser.open(pidali.url + name, { width, height, theme });
          await page.getByRole("main").getByRole("heading", { level: 2 }).first().waitFor();
          await page.waitForTimeout(500);
          await fits(page, name);
          await browser.keep(`${name}-${width}-${theme}`, page);
          if (name === "control-plane") {
            await page.getByRole("button", { name: "The PromQL behind these figures" }).click();
            await page.getByRole("dialog").getByText("what a Prometheus").waitFor();
            await fits(page, "the questions");
            await browser.keep(`promql-${width}-${theme}`, page);
          }
        }
      },
    ]),
  ),
];
