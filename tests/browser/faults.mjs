// What a person sees when something is down: nothing is lost, nothing lies.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { entry } from "./browser.mjs";
import { start } from "./program.mjs";

const refused = [/Failed to load resource/, /ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/];

export default [
  [
    "when the server goes away the picture stays and says that it is old",
    async ({ browser }) => {
      const own = await start(["demo", "--listen", "127.0.0.1:0"]);
      const page = await browser.graph(`${own.url}graph?refresh=5s`, { forgive: refused });
      await own.stop();
      await page.getByText(/stale|no answer|not reached|cannot be reached/i).first().waitFor({ timeout: 30_000 });
      assert.equal(await entry(page, "frontend → backend-v1").count(), 1, "the picture is gone");
      await browser.keep("stale");
    },
  ],
  [
    "a Prometheus that answers with a web page is named, with the mend",
    async ({ browser }) => {
      const wrong = createServer((_, to) => to.end("<html><title>Sign in</title></html>"));
      await new Promise((resolve) => wrong.listen(0, "127.0.0.1", resolve));
      const own = await start([
        "serve", "--listen", "127.0.0.1:0", "--prometheus", `http://127.0.0.1:${wrong.address().port}`,
      ]);
      const page = await browser.open(`${own.url}graph`, { forgive: [/status of 50\d/, ...refused] });
      const main = page.getByRole("main");
      await main.getByText(/Prometheus/).first().waitFor({ timeout: 30_000 });
      await main.getByRole("button", { name: /Try/ }).waitFor({ timeout: 30_000 });
      await browser.keep("fault");
      await page.goto(`${own.url}sources`);
      await page.getByText(/Prometheus/).first().waitFor();
      await page.close();
      await own.stop();
      wrong.closeAllConnections();
      await new Promise((resolve) => wrong.close(resolve));
    },
  ],
];
