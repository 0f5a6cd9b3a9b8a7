// The browser that pages are driven in: as root without its sandbox, and quiet towards the outside.
import { createRequire } from "node:module";

const { chromium } = createRequire(import.meta.url)("playwright-core");

export function launch() {
  return chromium.launch({
    executablePath: process.env.PIDALI_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
}
