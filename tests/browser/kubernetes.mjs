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

export default [
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
