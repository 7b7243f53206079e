// Light, dark, or as the system has it.
import { byId } from "./dom";

const STORE = "drn-theme";
const themes = ["auto", "light", "dark"] as const;
const names = { auto: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" };
type Theme = (typeof themes)[number];

function stored(): Theme {
  try {
    const found = localStorage.getItem(STORE) as Theme | null;
    return found && themes.includes(found) ? found : "auto";
  } catch {
    return "auto";
  }
}

function show(theme: Theme): void {
  const button = byId("theme");
  document.documentElement.dataset["theme"] = theme;
  button.title = names[theme];
  button.setAttribute("aria-label", names[theme]);
  button.querySelector("use")?.setAttribute("href", `#i-${theme}`);
}

export function startTheme(): void {
  let theme = stored();
  show(theme);
  byId("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "auto";
    show(theme);
    try {
      localStorage.setItem(STORE, theme);
    } catch {
      // then until the page is closed
    }
  });
}
