// A browser that notices everything a person should never meet: errors on the console, requests to other
// hosts, what the content security policy had to block.
import path from "node:path";

export class Browser {
  #chrome;
  #shots;
  #contexts = [];
  #faults = [];
  #hosts = new Set();
  #last;

  constructor(chrome, shots) {
    this.#chrome = chrome;
    this.#shots = shots;
  }

  /** Opens `address`. `forgive` names what this story provokes on purpose. */
  async open(address, { width = 1440, height = 900, theme = "light", forgive = [], context } = {}) {
    this.#hosts.add(new URL(address).host);
    const own =
      context ?? (await this.#chrome.newContext({ viewport: { width, height }, colorScheme: theme }));
    if (!context) this.#contexts.push(own);
    const page = await own.newPage();
    this.#last = page;
    const blame = (text) => {
      if (!forgive.some((known) => known.test(text))) this.#faults.push(text);
    };
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        blame(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => blame(`uncaught: ${error.stack ?? error}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (!["data:", "blob:"].includes(url.protocol) && !this.#hosts.has(url.host)) {
        blame(`request to another host: ${request.url()}`);
      }
    });
    await page.addInitScript(() => {
      globalThis.blocked = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        globalThis.blocked.push(`${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    await page.goto(address);
    return page;
  }

  /** Opens the graph and waits for its picture. */
  async graph(address, options) {
    const page = await this.open(address, options);
    await drawn(page);
    return page;
  }

  async keep(name, page = this.#last) {
    if (page) await page.screenshot({ path: path.join(this.#shots, `${name}.png`) });
  }

  /** Leaves every page, before its program is stopped: what it would ask then is nobody's fault. */
  async leave() {
    await this.#collect();
    for (const page of this.#pages()) await page.goto("about:blank");
  }

  /** Fails when something was met that nobody should meet. */
  async check() {
    await this.#collect();
    if (this.#faults.length > 0) throw new Error(`the page is not clean:\n${this.#faults.join("\n")}`);
  }

  #pages() {
    return this.#contexts.flatMap((context) => context.pages());
  }

  async #collect() {
    for (const page of this.#pages()) {
      const blocked = await page.evaluate(() => globalThis.blocked ?? []);
      this.#faults.push(...blocked.map((what) => `blocked by policy: ${what}`));
    }
  }

  async close() {
    for (const context of this.#contexts) await context.close();
  }
}

/** Resolves once the first picture is painted. */
export function drawn(page) {
  return page.waitForFunction(
    () => performance.getEntriesByName("pidali:first-graph").length > 0,
    undefined,
    { timeout: 20_000 },
  );
}

/** The list that stands for the picture. */
export function list(page) {
  return page.getByRole("listbox", { name: "Services and calls" });
}

/** An entry of the list by the start of its words. */
export function entry(page, start) {
  const quoted = start.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return list(page).getByRole("option", { name: new RegExp(`^${quoted}`) });
}
