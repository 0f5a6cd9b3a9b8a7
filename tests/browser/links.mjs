// Links: what a colleague sees who opens one, also behind a proxy that strips a prefix.
import assert from "node:assert/strict";
import { drawn, entry } from "./browser.mjs";
import { proxy } from "./program.mjs";

async function backendEdge(url) {
  const graph = await (await fetch(`${url}api/v1/graph?namespaces=default&window=15m`)).json();
  return graph.edges.find((e) => e.to.endsWith("backend-v2") && e.from.includes("frontend")).id;
}

async function sees(page) {
  await drawn(page);
  const panel = page.getByRole("complementary", { name: "Details" });
  await panel.waitFor();
  assert.match(await panel.textContent(), /backend-v2/);
  assert.equal(await entry(page, "web,").count(), 0, "another namespace is there");
  await page.getByRole("button", { name: /Window:.*15m/ }).waitFor();
}

export default [
  [
    "a deep link shows the same after a reload, and to a colleague",
    async ({ browser, pidali }) => {
      const selected = encodeURIComponent(await backendEdge(pidali.url));
      const link = `${pidali.url}graph?namespaces=default&window=15m&selected=${selected}`;
      const page = await browser.open(link);
      await sees(page);
      await page.reload();
      await sees(page);
      const colleague = await browser.open(page.url());
      await sees(colleague);
    },
  ],
  [
    "behind a proxy that strips a prefix, page, links and stream work",
    async ({ browser, pidali }) => {
      const front = await proxy(pidali.url, "/mesh/pidali/");
      const selected = encodeURIComponent(await backendEdge(pidali.url));
      const page = await browser.open(
        `${front.url}graph?namespaces=default&window=15m&selected=${selected}`,
      );
      await sees(page);
      await page.reload();
      await sees(page);
      await page.getByRole("link", { name: "Sources" }).click();
      await page.waitForURL(`${front.url}sources**`);
      await page.getByRole("heading", { name: "Sources" }).waitFor();
      await page.goBack();
      await sees(page);
      const streams = await page.evaluate(() =>
        performance.getEntriesByType("resource").filter((r) => r.name.includes("/api/")).map((r) => r.name),
      );
      assert.ok(streams.length > 0 && streams.every((name) => name.startsWith(front.url)), `${streams}`);
      await page.close();
      await front.stop();
    },
  ],
  [
    "a link with a mistake says which, and offers a way on",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}graph?window=0`);
      await page.getByText("This link has a mistake").waitFor();
      assert.match(await page.getByRole("main").textContent(), /window/);
      await page.getByRole("button", { name: "Start from the whole mesh" }).click();
      await drawn(page);
    },
  ],
  [
    "a namespace of no mesh is an empty picture with a way back, whatever its name",
    async ({ browser, pidali }) => {
      const name = encodeURIComponent('no"such\\namespace');
      const page = await browser.open(`${pidali.url}graph?namespaces=${name}`, {
        forgive: [/status of 400/],
      });
      const main = page.getByRole("main");
      await main.getByText(/No traffic to draw|This link has a mistake|not a namespace/i).first().waitFor();
      await main.getByRole("button").first().waitFor();
    },
  ],
];
