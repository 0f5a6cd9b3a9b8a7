// The stored theme, before the first paint. The page itself takes over from here (app/src/shell/theme.rs).
try {
  const wish = localStorage.getItem("pidali-theme");
  if (wish === "light" || wish === "dark") {
    document.documentElement.dataset.theme = wish;
  }
} catch {
  // Storage is closed to us: the system's theme it is.
}
