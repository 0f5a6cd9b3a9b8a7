// The helm: weights moved by a person, with the evidence beside the slider.
import assert from "node:assert/strict";
import { start } from "./program.mjs";
import { startPrometheus } from "./prometheus.mjs";

const BACKEND = "default/virtualservice/backend-routing";
const STOCK = "inventory/virtualservice/stock";
// How long the measured share may take to come within 5 points of the wanted one.
const PATIENCE = 90_000;

const editor = (page) => page.getByRole("region", { name: /backend-routing|stock/ });
const slider = (page, version) => page.getByRole("slider", { name: `${version} share`, exact: true });
const field = (page, version) => page.getByRole("spinbutton", { name: `${version} share, percent` });
const drawer = (page) => page.getByRole("dialog");

async function api(pidali, path) {
  return (await fetch(`${pidali.url}api/v1/${path}`)).json();
}

async function weights(pidali, route = BACKEND) {
  const { rules } = await api(pidali, `routes/${route}`);
  return rules[0].destinations.map((d) => d.weight);
}

/** Waits until so many calls to a split were counted: evidence before a hand is put at it. */
export async function measured(pidali, atLeast, route = BACKEND) {
  for (let n = 0; n < 120; n += 1) {
    const { rules } = await api(pidali, `routes/${route}`);
    // A cluster that is still being read has no such route yet.
    if (rules?.[0].callers.some((c) => c.requests >= atLeast)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`fewer than ${atLeast} calls were measured in a minute`);
}

/** Moves a split by another hand than the page's. */
async function elsewhere(pidali, to, route = BACKEND) {
  const { resource_version } = await api(pidali, `routes/${route}`);
  const answer = await fetch(`${pidali.url}api/v1/routes/${route}/weights`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resource_version, rule: "http/0", weights: to }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function openEditor(browser, pidali, route = BACKEND, options) {
  const page = await browser.open(`${pidali.url}routes?selected=${encodeURIComponent(route)}`, options);
  await slider(page, "v2").waitFor();
  return page;
}

/** Waits until the page itself says that v2's measured share is within 5 points of what is wanted. */
export async function converges(page, wanted) {
  const since = Date.now();
  const last = { text: "" };
  while (Date.now() - since < PATIENCE) {
    const text = await editor(page).innerText();
    const found = /v2: measured ([\d.]+) % of ([\d.]+) %, ([\d.,k]+) requests/.exec(text);
    if (found) last.text = found[0];
    if (found && Number(found[2]) === wanted && Math.abs(Number(found[1]) - wanted) <= 5) {
      return (Date.now() - since) / 1000;
    }
    await page.waitForTimeout(500);
  }
  throw new Error(`v2 is not within 5 points of ${wanted} % after ${PATIENCE / 1000} s: ${last.text}`);
}

/** Tabs until something has the focus whose role and name are these. */
async function tabTo(page, locator, key = "Tab") {
  for (let n = 0; n < 150; n += 1) {
    if (await locator.evaluate((el) => el === document.activeElement).catch(() => false)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`can't be reached by ${key}: ${locator}`);
}

export const hands = {
  mouse: {
    async share(page, percent) {
      const box = await slider(page, "v2").boundingBox();
      // Near enough by the slider, then exactly by the field.
      await page.mouse.click(box.x + 8 + ((box.width - 16) * percent) / 100, box.y + box.height / 2);
      const near = Number(await slider(page, "v2").inputValue()) / 100;
      assert.ok(Math.abs(near - percent) <= 4, `a click at ${percent} % of the slider says ${near} %`);
      await field(page, "v2").click({ clickCount: 3 });
      await page.keyboard.type(String(percent));
      await page.keyboard.press("Enter");
    },
    async press(page, button) {
      await button.click();
    },
  },
  keyboard: {
    async share(page, percent) {
      await tabTo(page, slider(page, "v2"));
      await page.keyboard.press("Home");
      for (let n = 0; n < Math.floor(percent / 10); n += 1) await page.keyboard.press("PageUp");
      for (let n = 0; n < percent % 10; n += 1) await page.keyboard.press("ArrowUp");
    },
    async press(page, button) {
      await button.waitFor();
      await tabTo(page, button);
      await page.keyboard.press("Enter");
    },
  },
};

/**
 * The whole story of a canary, by one kind of hand: forward in three steps; then the last `backwards` of them are
 * undone, one by one. `written` is told the weights after each.
 */
export async function canary(browser, pidali, hand, { backwards = 1, written = () => {}, name = "helm" } = {}) {
  const page = await openEditor(browser, pidali);
  assert.deepEqual(await weights(pidali), [90, 10]);
  const times = [];
  const steps = [[70, 30], [50, 50], [0, 100]];
  for (const [v1, v2] of steps) {
    await hand.share(page, v2);
    assert.equal(Number(await field(page, "v1").inputValue()), v1, "the other slider gives way");
    await hand.press(page, page.getByRole("button", { name: `Send ${v2} % to v2` }));
    const sheet = drawer(page);
    await sheet.getByText(/requests? a minute goe?s? from v1 to v2/).first().waitFor();
    await sheet.getByText(`weight: ${v2}`).first().waitFor();
    assert.deepEqual((await weights(pidali))[1] === v2, false, "a preview writes nothing");
    if (v2 === 30) await browser.keep(`${name}-preview-${hand === hands.mouse ? "mouse" : "keyboard"}`, page);
    await hand.press(page, sheet.getByRole("button", { name: `Apply: ${v2} % to v2` }));
    await sheet.waitFor({ state: "detached" });
    assert.deepEqual(await weights(pidali), [v1, v2]);
    await written([v1, v2]);
    times.push(await converges(page, v2));
    if (v2 === 50) await browser.keep(`${name}-converged`, page);
  }
  console.log(`        within 5 points after ${times.map((t) => t.toFixed(0)).join(", ")} s`);
  // Undo brings the previous weights.
  const changes = page.getByRole("list", { name: "Changes, newest first" });
  const before = [[90, 10], ...steps];
  for (let n = steps.length; n > steps.length - backwards; n -= 1) {
    const [[from1, from2], [to1, to2]] = [before[n], before[n - 1]];
    const said = `v1 ${to1} % → ${from1} %, v2 ${to2} % → ${from2} %`;
    await hand.press(page, changes.getByRole("button", { name: new RegExp(`^Undo ?: ${said}$`) }));
    await hand.press(page, drawer(page).getByRole("button", { name: /^Apply/ }));
    await drawer(page).waitFor({ state: "detached" });
    assert.deepEqual(await weights(pidali), [to1, to2]);
    await written([to1, to2]);
    await page.waitForFunction(
      (value) => [...document.querySelectorAll("input[type=range]")].some((s) => s.value === value),
      String(to2 * 100),
    );
  }
  return page;
}

export default [
  [
    "a canary goes 70/30, 50/50, 0/100 and back by mouse",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      await canary(browser, pidali, hands.mouse);
      await browser.leave();
      await pidali.stop();
    },
  ],
  [
    "a canary goes 70/30, 50/50, 0/100 and back by keyboard alone",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      await canary(browser, pidali, hands.keyboard);
      await browser.leave();
      await pidali.stop();
    },
  ],
  [
    "the same with figures from a real Prometheus that scrapes the mesh",
    async ({ browser }) => {
      const prometheus = await startPrometheus();
      const pidali = await start([
        "demo", "--listen", "127.0.0.1:0", "--expose", "127.0.0.1:0", "--prometheus", prometheus.url,
      ]);
      prometheus.scrape(new URL(pidali.exposed).host);
      await measured(pidali, 200);
      await canary(browser, pidali, hands.mouse);
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
    },
  ],
  [
    "a stale tab is told, and keeps its draft",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      const page = await openEditor(browser, pidali);
      await field(page, "v2").fill("25");
      await page.keyboard.press("Enter");
      await elsewhere(pidali, [80, 20]);
      await page.getByRole("button", { name: /Keep mine/ }).waitFor({ timeout: 20_000 });
      assert.equal(Number(await field(page, "v2").inputValue()), 25, "the draft is lost");
      await browser.keep("helm-stale", page);
      await page.getByRole("button", { name: /Keep mine/ }).click();
      await page.getByRole("button", { name: "Send 25 % to v2" }).click();
      await drawer(page).getByRole("button", { name: /^Apply/ }).click();
      await drawer(page).waitFor({ state: "detached" });
      assert.deepEqual(await weights(pidali), [75, 25]);
      await browser.leave();
      await pidali.stop();
    },
  ],
  [
    "a change that meets another on its way is refused, and the draft stays",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      const page = await openEditor(browser, pidali, BACKEND, { forgive: [/status of 409/] });
      await field(page, "v2").fill("30");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Send 30 % to v2" }).click();
      const apply = drawer(page).getByRole("button", { name: /^Apply/ });
      await apply.waitFor();
      await elsewhere(pidali, [60, 40]);
      await apply.click();
      await drawer(page).getByText(/has changed since/i).first().waitFor();
      assert.deepEqual(await weights(pidali), [60, 40], "the other hand's weights are gone");
      await page.keyboard.press("Escape");
      assert.equal(Number(await field(page, "v2").inputValue()), 30, "the draft is lost");
      await browser.leave();
      await pidali.stop();
    },
  ],
  [
    "traffic is not sent where no pod is ready, and the page says why",
    async ({ browser, pidali }) => {
      const page = await openEditor(browser, pidali, STOCK, { forgive: [/status of 422/] });
      await field(page, "v2").fill("100");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Send 100 % to v2" }).click();
      const sheet = drawer(page);
      await sheet.getByText(/v2 has no ready pod: 0 of 1/).first().waitFor();
      await sheet.getByText(/kubectl describe deployment\/stock-v2/).first().waitFor();
      assert.equal(await sheet.getByRole("button", { name: /^Apply/ }).count(), 0);
      await browser.keep("helm-refused", page);
      assert.deepEqual(await weights(pidali, STOCK), [97, 3]);
    },
  ],
  [
    "rolling back needs no second word, moves both splits, and is on record",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      await elsewhere(pidali, [40, 60]);
      const page = await openEditor(browser, pidali);
      await page.getByRole("button", { name: "Roll back: 100 % to v1" }).click();
      // The button has nothing more to do; the focus stays in the editor.
      assert.equal(await page.evaluate(() => document.activeElement.id), "route-heading");
      await page.getByText("Rolled back: 100 % to v1, with app-external.").first().waitFor();
      await page.getByText(/measuring…|measured/).first().waitFor();
      await page.waitForFunction(() => [...document.querySelectorAll("input[type=range]")].some((s) => s.value === "10000"));
      assert.deepEqual(await weights(pidali), [100, 0]);
      assert.deepEqual(await weights(pidali, "default/virtualservice/app-external"), [100, 0]);
      const { items } = await api(pidali, `routes/${BACKEND}/history`);
      assert.deepEqual(items[0].before, [40, 60]);
      await browser.leave();
      await pidali.stop();
    },
  ],
  [
    "two splits of one service are shown as one, and joined into one",
    async ({ browser }) => {
      const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
      const page = await browser.open(`${pidali.url}routes?namespaces=default`);
      const service = page.getByRole("list", { name: "Services, worst first" }).getByRole("listitem").filter({ hasText: "backend-routing" }).first();
      await service.getByText("app-external").first().waitFor();
      await browser.keep("routes-list", page);
      await page.goto(`${pidali.url}routes?selected=${encodeURIComponent(BACKEND)}`);
      await page.getByRole("button", { name: "Join into one route…" }).click();
      await drawer(page).getByRole("button", { name: /^Apply/ }).click();
      await drawer(page).waitFor({ state: "detached" });
      const one = await api(pidali, `routes/${BACKEND}`);
      assert.deepEqual(one.gateways, ["mesh", "default/app-gateway"]);
      const gone = await fetch(`${pidali.url}api/v1/routes/default/virtualservice/app-external`);
      assert.equal(gone.status, 404);
      await editor(page).getByText(/gateway app-gateway/).first().waitFor();
      await browser.leave();
      await pidali.stop();
    },
  ],
];
