// Before the first paint: day or night, as the visitor chose or as the system is.
"use strict";
{
  const night = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("shuoshu.theme");
    } catch {
      // A browser that keeps nothing goes by the system.
    }
    const theme = chosen ?? (night.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.querySelector("meta[name=theme-color]").content = theme === "dark" ? "#191714" : "#f6f1e7";
  };
  paint();
  night.addEventListener("change", paint);
  addEventListener("shuoshu-theme", paint);
}
