// Rules, limits and whole objects written by a person: each looked at, made, and taken back.
import assert from "node:assert/strict";
import { start } from "./program.mjs";

const BACKEND = "default/virtualservice/backend-routing";

const editor = (page) => page.getByRole("region", { name: /backend-routing/ });
const drawer = (page) => page.getByRole("dialog");

async function object(pidali, id = BACKEND) {
  return (await (await fetch(`${pidali.url}api/v1/objects/${id}`)).json()).object;
}

async function open(browser, pidali, options) {
  const page = await browser.open(`${pidali.url}routes?selected=${encodeURIComponent(BACKEND)}`, options);
  await editor(page).getByRole("button", { name: "Add rule" }).waitFor();
  return page;
}

/** Looks at what would happen, and makes it happen. */
async function apply(page, words) {
  await drawer(page).getByRole("button", { name: "Preview…" }).click();
  await agree(page, words);
}

async function agree(page, words) {
  const sheet = drawer(page);
  if (words) await sheet.getByText(words).first().waitFor();
  await sheet.getByRole("button", { name: /^Apply/ }).click();
  await sheet.waitFor({ state: "detached" });
}

/** Another hand changes the route. */
async function elsewhere(pidali) {
  const { resource_version } = await (await fetch(`${pidali.url}api/v1/routes/${BACKEND}`)).json();
  const answer = await fetch(`${pidali.url}api/v1/changes`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      edits: [
        {
          kind: "put_rule",
          object: { namespace: "default", kind: "virtualservice", name: "backend-routing" },
          resource_version,
          rule: "http/0",
          spec: {
            destinations: [
              { host: "backend", subset: "v1", weight: 90 },
              { host: "backend", subset: "v2", weight: 10 },
            ],
            timeout: "9s",
          },
        },
      ],
    }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function testers({ browser }) {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const before = await object(pidali);
  const page = await open(browser, pidali);
  await editor(page).getByRole("button", { name: "Add rule" }).click();
  await page.getByLabel("Name of header 1 of condition 1").fill("x-testing");
  await page.getByLabel("Value of header 1 of condition 1").fill("true");
  await drawer(page).getByLabel("Subset").first().fill("v2");
  await browser.keep("rules-form", page);
  await apply(page, "x-testing");
  const now = await object(pidali);
  assert.deepEqual(now.spec.http[0].match, [{ headers: { "x-testing": { exact: "true" } } }]);
  assert.deepEqual(now.spec.http[1], before.spec.http[0], "the other rule stays");
  await editor(page).getByText(/header x-testing is exactly "true"/).first().waitFor();
  // The order is in sight, and can be changed; behind the rule for all it would never be reached.
  await editor(page).getByRole("button", { name: "Move down http/0" }).click();
  await drawer(page).getByText(/never/i).first().waitFor();
  await page.keyboard.press("Escape");
  const changes = page.getByRole("list", { name: "Changes, newest first" });
  await changes.getByRole("button", { name: /Undo/ }).first().click();
  await agree(page);
  assert.deepEqual((await object(pidali)).spec, before.spec);
  await browser.leave();
}

async function wrong({ browser }) {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const page = await open(browser, pidali, { theme: "dark", forgive: [/409/] });
  await editor(page).getByRole("button", { name: "Edit http/0" }).click();
  const timeout = drawer(page).getByLabel("Timeout");
  await timeout.fill("soon");
  await drawer(page).getByRole("button", { name: "Preview…" }).click();
  await drawer(page).getByText(/is not a duration/).waitFor();
  assert.equal(await timeout.getAttribute("aria-invalid"), "true");
  assert.ok(await timeout.evaluate((el) => el === document.activeElement), "the field that is wrong has the focus");
  await browser.keep("rules-wrong", page);
  await timeout.fill("2s");
  // Another hand was faster: the draft stays, and both are shown.
  await elsewhere(pidali);
  await drawer(page).getByRole("button", { name: "Preview…" }).click();
  await drawer(page).getByText(/has changed since/).first().waitFor();
  await drawer(page).getByRole("button", { name: /^Back/ }).click();
  await drawer(page).getByText(/Someone changed it since/).waitFor();
  await drawer(page).getByText("timeout: 9s").waitFor();
  assert.equal(await drawer(page).getByLabel("Timeout").inputValue(), "2s", "the draft is kept");
  await apply(page, "timeout: 2s");
  assert.equal((await object(pidali)).spec.http[0].timeout, "2s");
  await browser.leave();
}

async function yaml({ browser }) {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const page = await open(browser, pidali);
  await editor(page).getByRole("button", { name: "YAML" }).click();
  const text = page.getByRole("textbox", { name: "backend-routing as YAML" });
  await text.waitFor();
  const now = await text.inputValue();
  assert.match(now, /kind: VirtualService/);
  await text.fill(now.replace("  hosts:", "  exportTo:\n  - .\n  hosts:"));
  await apply(page, "exportTo:");
  assert.deepEqual((await object(pidali)).spec.exportTo, ["."]);
  await browser.leave();
}

async function breaker({ browser }) {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const page = await browser.open(`${pidali.url}breakers?namespaces=default`);
  await page.getByRole("button", { name: "Join them…" }).click();
  await agree(page, "maxConnections: 100");
  const rule = () => object(pidali, "default/destinationrule/backend-destination");
  assert.equal((await rule()).spec.trafficPolicy.connectionPool.tcp.maxConnections, 100);
  await page.getByText("Configured but without effect").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Set limits… of backend" }).click();
  await drawer(page).getByLabel("Requests that wait").fill("7");
  await apply(page, "http1MaxPendingRequests: 7");
  assert.equal((await rule()).spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests, 7);
  await browser.keep("rules-breaker", page);
  await browser.leave();
}

export default [
  ["a rule for testers is written, looked at, made and taken back", testers],
  ["what is wrong is said at its field, and a draft outlives another hand", wrong],
  ["a whole object is edited as YAML", yaml],
  ["two rules of one host are joined, and its limits are set", breaker],
];
