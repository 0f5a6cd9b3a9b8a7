// Steering on a real Kubernetes API: etcd, kube-apiserver and Istio's resources; a real Prometheus measures.
import assert from "node:assert/strict";
import { startApiServer } from "./api_server.mjs";
import { canary, converges, hands, measured } from "./helm.mjs";
import { start } from "./program.mjs";
import { startPrometheus } from "./prometheus.mjs";

const WEIGHTS = ["get", "virtualservice", "backend-routing", "-o", "jsonpath={.spec.http[0].route[*].weight}"];
const EVENTS = [
  "get", "events", "--field-selector", "involvedObject.name=backend-routing", "-o", "jsonpath={.items[*].reason}",
];

const SHOP = `---
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: default}, spec: {selector: {app: backend}, ports: [{name: http, port: 80}]}}
${["v1", "v2"].map((version) => `---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-${version}, namespace: default}, spec: {replicas: 1, selector: {matchLabels: {app: backend, version: ${version}}}, template: {metadata: {labels: {app: backend, version: ${version}}}, spec: {containers: [{name: backend, image: "nginx:1.25"}]}}}}
`).join("")}---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: backend, namespace: default}, spec: {host: backend, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: backend, namespace: default}, spec: {hosts: [backend], http: [{route: [{destination: {host: backend, subset: v1}}]}]}}
`;

/** May see all and write Istio's objects, but keep no copies beside them. */
const UNRECORDED = `---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: unrecorded}, rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}, {apiGroups: [networking.istio.io], resources: ["*"], verbs: [create, patch, delete]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: unrecorded}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: unrecorded}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: unrecorded}]}
`;

export default [
  [
    "a change that can't be recorded is refused, and made where a person ticks that it may be, by keys alone",
    async ({ browser }) => {
      const [cluster, prometheus] = await Promise.all([startApiServer(["unrecorded"]), startPrometheus()]);
      await cluster.apply(SHOP + UNRECORDED);
      const pidali = await start([
        "serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url,
        "--kubeconfig", cluster.kubeconfigOf("unrecorded"),
      ]);
      const selected = encodeURIComponent("default/virtualservice/backend");
      // Refusals are answers: the console names their status.
      const page = await browser.open(`${pidali.url}routes?selected=${selected}`, { forgive: [/status of 403/] });
      await page.getByRole("button", { name: "Add rule" }).click();
      await page.getByLabel("Name of header 1 of condition 1").fill("x-testing");
      await page.getByLabel("Value of header 1 of condition 1").fill("true");
      const sheet = page.getByRole("dialog");
      await sheet.getByLabel("Subset").first().fill("v2");
      await sheet.getByRole("button", { name: "Preview…" }).click();
      await sheet.getByText("There would be no way back.").waitFor();
      await sheet.getByText(/right to create ControllerRevision objects in namespace default/).waitFor();
      assert.equal(await sheet.getByRole("button", { name: /^Apply/ }).count(), 0);
      await browser.keep("unrecorded", page);
      const tick = sheet.getByRole("checkbox", { name: /Without record/ });
      await tick.focus();
      await page.keyboard.press("Space");
      await sheet.getByText(/can't be taken back from here/).first().waitFor();
      assert.ok(await tick.isChecked());
      const isFocused = await tick.evaluate((it) => it === document.activeElement);
      assert.ok(isFocused, "asking anew takes the focus away");
      await browser.keep("unrecorded-ticked", page);
      await sheet.getByRole("button", { name: /^Apply/ }).focus();
      await page.keyboard.press("Enter");
      await sheet.waitFor({ state: "detached" });
      const rule = await cluster.kubectl("get", "virtualservice", "backend", "-o", "jsonpath={.spec.http[0].match}");
      assert.deepEqual(JSON.parse(rule), [{ headers: { "x-testing": { exact: "true" } } }]);
      assert.equal(await cluster.kubectl("get", "controllerrevisions", "-o", "name"), "");
      await browser.leave();
      await pidali.stop();
      await prometheus.stop();
      await cluster.stop();
    },
  ],
  [
    "a canary goes 70/30, 50/50, 0/100 and back to 90/10 on a real Kubernetes API",
    async ({ browser }) => {
      const [cluster, prometheus] = await Promise.all([startApiServer(), startPrometheus()]);
      // One program is the mesh, whose routing is what the API server holds; the other is the dashboard.
      const mesh = await start([
        "demo", "--listen", "127.0.0.1:0", "--expose", "127.0.0.1:0", "--kubeconfig", cluster.kubeconfig,
      ]);
      prometheus.scrape(new URL(mesh.exposed).host);
      const pidali = await start([
        "serve", "--listen", "127.0.0.1:0", "--prometheus", prometheus.url, "--kubeconfig", cluster.kubeconfig,
      ]);
      await measured(pidali, 200);
      const page = await canary(browser, pidali, hands.mouse, {
        backwards: 3,
        name: "kubernetes",
        written: async ([v1, v2]) => assert.equal(await cluster.kubectl(...WEIGHTS), `${v1} ${v2}`),
      });
      const seconds = await converges(page, 10);
      console.log(`        and again after undo in ${seconds.toFixed(0)} s`);
      // Both splits move together, and each has events of its own.
      const events = await cluster.kubectl(...EVENTS);
      assert.equal(events.match(/WeightsSet/g)?.length, 3, events);
      assert.equal(events.match(/WeightsTakenBack/g)?.length, 3, events);
      await browser.leave();
      await pidali.stop();
      await mesh.stop();
      await prometheus.stop();
      await cluster.stop();
    },
  ],
];
