// A real Kubernetes API for the stories that need one: tests/support starts it, and it ends with them.
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { endWithUs } from "./program.mjs";

const PATIENCE = 180_000;

/** Runs a program to its end; resolves with what it printed. */
function run(program, args, input = "") {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args);
    let said = "";
    let complained = "";
    child.stdout.on("data", (data) => (said += data));
    child.stderr.on("data", (data) => (complained += data));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(said.trim()) : reject(new Error(`${program} ${args.join(" ")}: ${complained.trim()}`)));
    // Who does not read closes it; then it says why.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Starts an API server that knows Istio's and the Gateway API's resources, and these users besides the administrator. */
export async function startApiServer(users = []) {
  const program = process.env.PIDALI_API_SERVER;
  if (!program) throw new Error("PIDALI_API_SERVER does not say where api-server is: run `cargo xtask e2e`");
  const child = spawn(program, users);
  let complained = "";
  child.stderr.on("data", (data) => (complained += data));
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.on("close", resolve));
  const failed = new Promise((_, reject) => child.on("error", reject));
  failed.catch(() => {});
  const stop = endWithUs(() => {
    child.stdin.end();
    return ended;
  });
  const line = async () => {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the API server said nothing in ${PATIENCE / 1000} s`)), PATIENCE);
    });
    try {
      const { value } = await Promise.race([lines.next(), failed, late]);
      if (value === undefined) throw new Error(`the API server ended\n${complained}`);
      return value;
    } finally {
      clearTimeout(timer);
    }
  };
  const ask = async (word, answer) => {
    child.stdin.write(`${word}\n`);
    const said = await line();
    if (said !== answer) throw new Error(`the API server said ${said}, not ${answer}`);
  };

  const kubeconfig = await line();
  const home = path.dirname(kubeconfig);
  const kubectl = (args, input) =>
    run(
      process.env.PIDALI_KUBECTL ?? "kubectl",
      ["--kubeconfig", kubeconfig, "--cache-dir", path.join(home, "kubectl"), ...args],
      input,
    );
  return {
    kubeconfig,
    kubeconfigOf: (user) => path.join(home, `${user}.kubeconfig`),
    /** Runs kubectl as the administrator; resolves with what it printed. */
    kubectl: (...args) => kubectl(args),
    /** Creates or changes the objects of some YAML, server-side. */
    apply: (yaml) => kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], yaml),
    /** Ends the API server; its objects stay. */
    stopApi: () => ask("stop", "stopped"),
    /** Starts it again, on the same port. */
    startApi: () => ask("start", "started"),
    stop,
  };
}
