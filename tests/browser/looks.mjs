// How it looks: both themes, three widths; kept for people to look at. Nothing may stick out sideways.
import assert from "node:assert/strict";
import { drawn } from "./browser.mjs";

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];

async function fits(page, what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what} is ${wide} px wide on ${room} px`);
  if (room < 1400) return;
  // What a page scrolls is inside it: the frame around it would show nothing below.
  const [tall, height] = await page.evaluate(() => {
    const frame = document.querySelector("main");
    return [frame.scrollHeight, frame.clientHeight];
  });
  assert.ok(tall <= height + 1, `${what} is ${tall} px tall in a frame of ${height} px`);
}

export default SIZES.flatMap(([width, height]) =>
  ["light", "dark"].map((theme) => [
    `all pages at ${width} × ${height}, ${theme}`,
    async ({ browser, pidali }) => {
      const graph = await (await fetch(`${pidali.url}api/v1/graph`)).json();
      const selected = encodeURIComponent(graph.edges.find((e) => e.to.endsWith("payments-v2")).id);
      const pages = {
        graph: "graph",
        panel: `graph?selected=${selected}`,
        table: "graph?view=table",
        default: "graph?namespaces=default",
        routes: "routes",
        editor: `routes?selected=${encodeURIComponent("default/virtualservice/backend-routing")}`,
        sources: "sources",
        overview: "overview",
        services: "services",
        service: "services/default/backend",
        workloads: "workloads",
        workload: "workloads/payments/payments-v2",
      };
      for (const [name, address] of Object.entries(pages)) {
        const page = await browser.open(pidali.url + address, { width, height, theme });
        if (["graph", "panel", "default"].includes(name)) await drawn(page);
        else if (name === "editor") await page.getByRole("slider", { name: "v2 share" }).waitFor();
        else await page.getByRole("main").getByRole(name === "table" ? "table" : "heading").first().waitFor();
        await page.waitForTimeout(700);
        await fits(page, name);
        await browser.keep(`${name}-${width}-${theme}`, page);
      }
    },
  ]),
);
