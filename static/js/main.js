// Finds the islands that Gradio's pages leave free and lets the module of each draw into it.

const ISLANDS = {
  home: () => import("./home.js"),
  datasets: () => import("./datasets.js"),
  models: () => import("./models.js"),
  train: () => import("./train.js"),
  vary: () => import("./sweep_form.js"),
  sweep: () => import("./sweep.js"),
  runs: () => import("./runs.js"),
  run: () => import("./run.js"),
  compare: () => import("./compare.js"),
  adapters: () => import("./adapters.js"),
  playground: () => import("./playground.js"),
  conversations: () => import("./conversations.js"),
  prompts: () => import("./prompts.js"),
  leaderboard: () => import("./leaderboard.js"),
  "safety-check": () => import("./safety_check.js"),
  spaces: () => import("./spaces.js"),
  safety: () => import("./safety.js"),
  audit: () => import("./audit.js"),
  audit_link: () => import("./audit_link.js"),
};

document.documentElement.lang = "en";

async function settle() {
  for (const [name, load] of Object.entries(ISLANDS)) {
    const place = document.getElementById(`island-${name}`);
    if (!place || place.dataset.settled) continue;
    place.dataset.settled = "yes";
    const root = document.createElement("div");
    root.className = "ts-island";
    place.append(root);
    (await load()).draw(root);
  }
}

// The train page names the run that it has started; its page comes next. It is asked for once: the old page may still
// change while it comes, and asking again would begin anew.
let followed = "";
function follow() {
  const started = document.getElementById("started-run")?.textContent.trim() ?? "";
  if (started === followed || !/^run_[0-9a-f]+$/.test(started)) return;
  followed = started;
  location.href = `/run?run=${started}`;
}

// A list of choices that scrolls would take the focus when Tab leaves its field, and vanish with it.
function stepOver() {
  for (const list of document.querySelectorAll("ul[role=listbox]:not([tabindex])")) list.tabIndex = -1;
}

new MutationObserver(() => { settle(); follow(); stepOver(); }).observe(document.documentElement, { childList: true, subtree: true });
settle();
