// Drives the page in a real Chromium, as a person would: by roles, labels and keys.
// `cargo xtask e2e` sets up what it needs; the last line counts.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Browser } from "./browser.mjs";
import { launch } from "./chromium.mjs";
import { start, stopAll } from "./program.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const shots = path.join(here, "../../target/screenshots");
mkdirSync(shots, { recursive: true });

// Stories that mostly wait, each for a mesh of its own, are told beside the others.
const FILES = {
  "./graph.mjs": "one",
  "./links.mjs": "one",
  "./faults.mjs": "one",
  "./looks.mjs": "one",
  "./pages.mjs": "one",
  "./config.mjs": "one",
  "./preflight.mjs": "one",
  "./traces.mjs": "one",
  "./helm.mjs": "apart",
  "./control.mjs": "apart",
  "./kubernetes.mjs": "apart",
  "./rules.mjs": "apart",
};
const LANES = { one: 1, apart: 2 };

const only = process.argv[2];
const waiting = { one: [], apart: [] };
for (const [file, lane] of Object.entries(FILES)) {
  const { default: stories } = await import(file);
  waiting[lane].push(...stories.filter(([title]) => !only || title.includes(only)));
}
let passed = 0;
let failed = 0;

async function tell([title, story], chrome, pidali) {
  const browser = new Browser(chrome, shots);
  try {
    await story({ browser, pidali });
    await browser.check();
    passed += 1;
    console.log(`ok      ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${title}\n${error.stack ?? error}`);
    await browser.keep(`failed-${failed}`).catch(() => {});
  } finally {
    await browser.close();
  }
}

const chrome = await launch();
try {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  const lane = async (stories) => {
    for (let story = stories.shift(); story; story = stories.shift()) await tell(story, chrome, pidali);
  };
  const lanes = Object.entries(LANES).flatMap(([name, n]) => Array.from({ length: n }, () => lane(waiting[name])));
  await Promise.all(lanes);
} catch (error) {
  failed += 1;
  console.log(`FAILED  to start\n${error.stack ?? error}`);
} finally {
  await chrome.close();
  await stopAll();
}
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
