// Starts the program under test, and a proxy in front of it, on loopback.
import { spawn } from "node:child_process";
import { createServer, request } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const binary = process.env.PIDALI_BIN ?? path.join(here, "../../target/release/pidali");
const running = new Set();

/** Has `stop` called at the end, whatever becomes of the story that started something. */
export function endWithUs(stop) {
  running.add(stop);
  return () => {
    running.delete(stop);
    return stop();
  };
}

/** Starts pidali; resolves once it says where it listens. */
export async function start(args) {
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  const { url, exposed } = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`pidali said nothing in 30 s\n${told}`)), 30_000);
    child.stdout.on("data", (data) => {
      told += data;
      const found = /Pidali listens on (\S+)/.exec(told);
      const exposed = /The mesh is exposed on (\S+)/.exec(told);
      if (found && (exposed || !args.includes("--expose"))) {
        clearTimeout(late);
        resolve({ url: found[1], exposed: exposed?.[1] });
      }
    });
    child.stderr.on("data", (data) => (told += data));
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`pidali ended with ${code}\n${told}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      running.delete(stop);
      if (child.exitCode !== null) return resolve();
      child.on("exit", resolve);
      child.kill();
      setTimeout(() => child.kill("SIGKILL"), 3000).unref();
    });
  running.add(stop);
  return { url, exposed, port: new URL(url).port, stop };
}

/** A proxy that serves `target` under a prefix and strips it, as an ingress does. */
export async function proxy(target, prefix) {
  const server = createServer((from, to) => {
    if (!from.url.startsWith(prefix)) {
      to.writeHead(404).end("not behind the prefix");
      return;
    }
    const address = new URL(target);
    const onward = request(
      {
        host: address.hostname,
        port: address.port,
        method: from.method,
        path: `/${from.url.slice(prefix.length)}`,
        headers: { ...from.headers, host: address.host },
      },
      (answer) => {
        to.writeHead(answer.statusCode, answer.headers);
        answer.pipe(to);
      },
    );
    onward.on("error", () => to.destroy());
    to.on("close", () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise((resolve) => {
      running.delete(stop);
      server.close(resolve);
      server.closeAllConnections();
    });
  running.add(stop);
  return { url: `http://127.0.0.1:${server.address().port}${prefix}`, stop };
}

export async function stopAll() {
  await Promise.all([...running].map((stop) => stop()));
}
