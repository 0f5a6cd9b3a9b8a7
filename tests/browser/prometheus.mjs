// A real Prometheus for the stories that need one: it scrapes every second and ends with them.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { endWithUs } from "./program.mjs";

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Starts a Prometheus that scrapes nobody yet. */
export async function startPrometheus() {
  const home = mkdtempSync(path.join(tmpdir(), "pidali-prometheus-"));
  const port = await freePort();
  const targets = path.join(home, "targets.json");
  writeFileSync(targets, "[]");
  writeFileSync(
    path.join(home, "prometheus.yml"),
    [
      "global: {scrape_interval: 1s, scrape_timeout: 1s}",
      "scrape_configs:",
      "  - job_name: mesh",
      "    honor_labels: true",
      "    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]",
    ].join("\n"),
  );
  const child = spawn(
    "prometheus",
    [
      `--config.file=${path.join(home, "prometheus.yml")}`,
      `--storage.tsdb.path=${path.join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  let gone;
  child.on("error", (error) => (gone = error));
  for (let n = 0; ; n += 1) {
    if (gone) throw new Error(`Prometheus can't be started (apt-get install -y prometheus): ${gone.message}`);
    const ready = await fetch(`${url}/-/ready`).then((a) => a.ok, () => false);
    if (ready) break;
    if (n > 300) throw new Error("Prometheus is not ready after 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    scrape: (target) => {
      // Half a file is read again when it is whole.
      writeFileSync(targets, JSON.stringify([{ targets: [target] }]));
    },
    stop: endWithUs(() =>
      new Promise((resolve) => {
        const done = () => {
          rmSync(home, { recursive: true, force: true });
          resolve();
        };
        if (child.exitCode !== null) return done();
        child.on("exit", done);
        child.kill();
        setTimeout(() => child.kill("SIGKILL"), 5000).unref();
      })),
  };
}

/** A Prometheus that answers to nothing but questions, with nothing. */
export async function emptyPrometheus() {
  const server = createHttpServer((request, answer) => {
    request.resume();
    const data = { resultType: "vector", result: [] };
    answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ status: "success", data }));
  });
  return listening(server);
}

/** Lets a server of ours listen on loopback until it is stopped, at the latest when the stories end. */
export async function listening(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = endWithUs(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
