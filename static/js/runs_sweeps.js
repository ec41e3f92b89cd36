// The sweeps on the runs page, each with how far it is; their trials stand among the runs.

import { get, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { moment } from "./format.js";
import { button, chip, link, notice, progress } from "./parts.js";
import { t } from "./words.js";

// Draws into an element; nothing where there is no sweep. Call it in every round.
export async function drawSweeps(element) {
  const sweeps = await get("/api/v1/sweeps");
  const look = () => drawSweeps(element);
  fillWhenChanged(element, sweeps, () => (sweeps.length ? h("section", {}, h("h2", {}, t("sweeps.title")), sweeps.map((sweep) => card(sweep, look))) : []));
}

function card(sweep, look) {
  const path = `/api/v1/sweeps/${sweep.id}`;
  const goesOn = sweep.status === "running";
  const act = (action) => async () => { await post(`${path}/${action}`); await look(); };
  const erase = async () => {
    await remove(path);
    await look();
    notice(t("deleted", { name: sweep.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
  };
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, h("a", { href: `/sweep?sweep=${sweep.id}`, "data-key": sweep.id }, sweep.name)), chip(sweep.status)),
    progress(sweep.ended / sweep.trials, t("sweep.ended", { n: sweep.ended, all: sweep.trials })),
    h("p", { class: "ts-soft" }, [sweep.status === "stopped" ? sweep.words : null, moment(sweep.created_at)].filter(Boolean).join(" · ")),
    h("div", { class: "ts-actions" },
      link(t("sweeps.open"), `/sweep?sweep=${sweep.id}`, goesOn ? "primary" : "plain"),
      goesOn ? button(t("sweep.stop"), act("stop"), { key: `stop-${sweep.id}` }) : null,
      sweep.status === "stopped" ? button(t("sweep.resume"), act("resume"), { key: `resume-${sweep.id}` }) : null,
      goesOn ? null : button(t("delete"), erase, { kind: "link", key: `delete-${sweep.id}` })));
}
