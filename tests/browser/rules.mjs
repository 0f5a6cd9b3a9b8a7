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

const objects = (page) => page.getByRole("table", { name: /^Objects of Istio/ });
const row = (page, name) => objects(page).locator("tbody tr").filter({ has: page.getByText(name, { exact: true }) });

async function gateway({ browser }) {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const told = await (await fetch(`${pidali.url}api/v1/objects?namespaces=default`)).json();
  // A refusal is an answer: the console names its status.
  const page = await browser.open(`${pidali.url}config?namespaces=default`, { forgive: [/status of 422/] });
  await page.getByRole("navigation", { name: "Config" }).getByRole("link", { name: "Objects" }).click();
  await page.waitForURL(/\/config\/objects\?namespaces=default/);
  await objects(page).waitFor();
  assert.equal(await objects(page).locator("tbody tr").count(), told.items.length);
  assert.match(await row(page, "app-gateway").textContent(), /1 finding, the worst: error/);
  await browser.keep("objects", page);
  // A new one: what is missing is said at its field, then it is looked at, and made.
  await page.getByRole("button", { name: "New gateway…" }).click();
  await drawer(page).getByRole("button", { name: "Preview…" }).click();
  const name = drawer(page).getByRole("textbox", { name: /^Name\b(?! of)/ });
  assert.equal(await name.getAttribute("aria-invalid"), "true");
  assert.ok(await name.evaluate((el) => el === document.activeElement), "the field that is wrong has the focus");
  await name.fill("edge");
  await drawer(page).getByLabel("Hosts").fill("edge.example.com");
  await browser.keep("gateway-form", page);
  await apply(page, "edge.example.com");
  const made = await object(pidali, "default/gateway/edge");
  assert.deepEqual(made.spec, {
    selector: { istio: "ingressgateway" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["edge.example.com"] }],
  });
  // TLS beside it, from a secret that is not there: that is said before it is written.
  await row(page, "edge").getByRole("button", { name: "Ports… of edge" }).click();
  await drawer(page).getByRole("button", { name: "Add HTTPS port" }).click();
  const port = drawer(page).getByRole("group", { name: "Port 2" });
  await port.getByLabel("Hosts").fill("edge.example.com");
  await port.getByLabel("Secret with the certificate").fill("edge-tls");
  await drawer(page).getByRole("button", { name: "Preview…" }).click();
  await drawer(page).getByText(/There is no Secret edge-tls in namespace istio-system/).first().waitFor();
  await browser.keep("gateway-refused", page);
  await drawer(page).getByRole("button", { name: /^Back/ }).click();
  // It only sends whoever comes without TLS elsewhere.
  await port.getByRole("button", { name: "Remove port 2" }).click();
  await drawer(page).getByRole("checkbox", { name: /to https/ }).check();
  await apply(page, "httpsRedirect: true");
  assert.equal((await object(pidali, "default/gateway/edge")).spec.servers[0].tls.httpsRedirect, true);
  // What was changed stands beside the object, with the way back.
  await row(page, "edge").getByRole("button", { name: "YAML of edge" }).click();
  const changes = drawer(page).getByRole("list", { name: "Changes, newest first" });
  await changes.getByRole("listitem").nth(1).waitFor();
  assert.equal(await changes.getByRole("listitem").count(), 2);
  await browser.keep("objects-history", page);
  await changes.getByRole("button", { name: /^Undo/ }).first().click();
  await agree(page);
  assert.deepEqual((await object(pidali, "default/gateway/edge")).spec, made.spec);
  // Every kind can be read; those that are no rules of Istio's are only shown.
  const all = await browser.open(`${pidali.url}config/objects`);
  await all.getByRole("searchbox", { name: /^Find an object/ }).fill("peerauthentication");
  await all.waitForURL(/text=peerauthentication/);
  await objects(all).getByRole("button", { name: /^YAML/ }).first().click();
  await drawer(all).getByText("This kind of object is only shown here.").waitFor();
  await browser.leave();
}

export default [
  ["all objects are listed; a gateway is made, its ports set, and taken back", gateway],
  ["a rule for testers is written, looked at, made and taken back", testers],
  ["what is wrong is said at its field, and a draft outlives another hand", wrong],
  ["a whole object is edited as YAML", yaml],
  ["two rules of one host are joined, and its limits are set", breaker],
];
