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

const stories = [];
for (const file of ["./graph.mjs", "./links.mjs", "./helm.mjs", "./faults.mjs", "./looks.mjs"]) {
  stories.push(...(await import(file)).default);
}
const only = process.argv[2];
let passed = 0;
let failed = 0;
const chrome = await launch();
try {
  const pidali = await start(["demo", "--listen", "127.0.0.1:0"]);
  for (const [title, story] of stories) {
    if (only && !title.includes(only)) continue;
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
} catch (error) {
  failed += 1;
  console.log(`FAILED  to start\n${error.stack ?? error}`);
} finally {
  await chrome.close();
  await stopAll();
}
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
