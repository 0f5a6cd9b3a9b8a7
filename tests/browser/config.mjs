// Config: what is wrong with the objects that steer traffic, by object, with the mends.
import assert from "node:assert/strict";
import { start } from "./program.mjs";
import { emptyPrometheus } from "./prometheus.mjs";

const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];

const objects = (page) => page.getByRole("list", { name: "Objects, worst first" });
const card = (page, name) => objects(page).locator(":scope > li").filter({ has: page.getByRole("heading", { name, exact: true }) });

export default [
  [
    "config: the faults of the built-in mesh are told once, worst first, each with its mend",
    async ({ browser, pidali }) => {
      const told = await (await fetch(`${pidali.url}api/v1/checks?namespaces=default,inventory`)).json();
      const page = await browser.open(`${pidali.url}graph?namespaces=default,inventory`);
      await page.getByRole("link", { name: "Config", exact: true }).click();
      await page.waitForURL(/\/config\?namespaces=default,inventory/);
      await objects(page).waitFor();
      const ids = new Set(told.items.map((it) => it.object));
      assert.equal(await objects(page).locator(":scope > li").count(), ids.size);
      assert.equal(await objects(page).locator(".check").count(), told.items.length);
      // The certificate that is not there, with the command that makes it where the gateway's pods are.
      const gateway = await card(page, "app-gateway").textContent();
      assert.match(gateway, /error: /);
      assert.match(gateway, /There is no Secret app-tls-secret in namespace istio-system/);
      assert.match(gateway, /kubectl create secret tls app-tls-secret -n istio-system/);
      assert.match(gateway, /spec\.servers\[1\]\.tls\.credentialName/);
      assert.match(gateway, /IST0101/);
      // The second DestinationRule on a host.
      const breaker = await card(page, "backend-circuit-breaker").textContent();
      assert.match(breaker, /warning: /);
      assert.match(breaker, /never applies to default\/backend/);
      assert.match(breaker, /KIA0201/);
      assert.match(breaker, /Join both into one DestinationRule/);
      // What is now matters: there is neither a window nor an instant to choose.
      assert.equal(await page.getByRole("button", { name: /^Window/ }).count(), 0);
      await browser.keep("config");
    },
  ],
  [
    "config: a route's finding leads to its page, which shows it too",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}config?namespaces=inventory`);
      await card(page, "stock").getByRole("link", { name: "stock" }).click();
      await page.waitForURL(/\/routes\?.*selected=inventory\/virtualservice\/stock/);
      await page.getByText(/v2 has no ready pod: 0 of 1/).first().waitFor();
      await page.goto(`${pidali.url}routes?selected=${encodeURIComponent("default/virtualservice/app-external")}`);
      await page.getByText(/There is no Secret app-tls-secret/).first().waitFor();
    },
  ],
  [
    "config: severity and words are chosen by keys alone, and the link says them",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}config`);
      await objects(page).waitFor();
      await page.getByRole("radio", { name: "All" }).focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await page.waitForURL(/severity=warning/);
      await card(page, "backend-circuit-breaker").waitFor();
      assert.equal(await card(page, "app-gateway").count(), 0);
      await page.keyboard.press("Tab");
      await page.keyboard.type("kia0201 breaker");
      await page.waitForURL(/text=kia0201%20breaker/);
      const sees = async (page) => {
        await card(page, "backend-circuit-breaker").waitFor();
        assert.equal(await objects(page).locator(":scope > li").count(), 1);
        assert.equal(await page.getByRole("searchbox", { name: /^Find a finding/ }).inputValue(), "kia0201 breaker");
        assert.equal(await page.getByRole("radio", { name: "Warnings" }).isChecked(), true);
      };
      await sees(page);
      await sees(await browser.open(page.url()));
      await page.getByRole("searchbox", { name: /^Find a finding/ }).fill("nothing is called so");
      await page.getByRole("heading", { name: "No finding fits" }).waitFor();
      await page.getByRole("button", { name: "Show all findings" }).click();
      await card(page, "app-gateway").waitFor();
    },
  ],
  [
    "config: sound namespaces are said to be, and so is a link with a mistake",
    async ({ browser, pidali }) => {
      const page = await browser.open(`${pidali.url}config?namespaces=platform`);
      await page.getByRole("heading", { name: "No faults found" }).waitFor();
      assert.match(await page.getByRole("main").textContent(), /No faults found in \d+ objects?/);
      await browser.keep("config-sound");
      await page.getByRole("button", { name: "Show all namespaces" }).click();
      await objects(page).waitFor();
      const nowhere = await browser.open(`${pidali.url}config?namespaces=nowhere`);
      await nowhere.getByRole("heading", { name: "Nothing to look at" }).waitFor();
      const wrong = await browser.open(`${pidali.url}config?severity=worse`);
      await wrong.getByText("This link has a mistake").waitFor();
    },
  ],
  [
    "config: without a cluster there is nothing to look at, and why",
    async ({ browser }) => {
      const prometheus = await emptyPrometheus();
      const pidali = await start(["serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url]);
      const page = await browser.open(`${pidali.url}config`);
      const message = page.getByRole("heading", { name: /No cluster|Nothing to look at|No faults found/ });
      await message.waitFor();
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  ...SIZES.flatMap(([width, height]) =>
    ["light", "dark"].flatMap((theme) =>
      [
        ["config", "config", objects],
        ["objects", "config/objects", (page) => page.getByRole("table", { name: /^Objects of Istio/ })],
      ].map(([name, path, shown]) => [
        `${name} at ${width} × ${height}, ${theme}`,
        async ({ browser, pidali }) => {
          const page = await browser.open(`${pidali.url}${path}`, { width, height, theme });
          await shown(page).waitFor();
          await page.waitForTimeout(400);
          const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(wide <= room, `${name} is ${wide} px wide on ${room} px`);
          await browser.keep(`${name}-${width}-${theme}`, page);
        },
      ]),
    ),
  ),
];
