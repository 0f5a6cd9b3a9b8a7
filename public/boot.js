// Starts the page: Trunk puts the names of what it built into this script's tag.
performance.mark("pidali:boot");

const tag = document.querySelector("script[data-wasm]");
const at = (name) => new URL(tag.dataset[name], document.baseURI).href;

try {
  const { default: init } = await import(at("js"));
  await init({ module_or_path: at("wasm") });
} catch (error) {
  const told = document.createElement("main");
  told.className = "boot-failed";
  told.setAttribute("role", "alert");
  const heading = document.createElement("h1");
  heading.textContent = "Pidali could not start in this browser.";
  const why = document.createElement("p");
  why.textContent = String(error?.message ?? error);
  const mend = document.createElement("p");
  mend.textContent = "Reload the page. If it stays, this browser may have WebAssembly switched off, or a proxy in between may hold back .wasm files.";
  told.append(heading, why, mend);
  document.body.append(told);
  throw error;
}
