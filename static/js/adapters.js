// The adapters page: what runs have left behind, to compare, to download, to delete and bring back.

import { getWithHeaders, poll, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { bytes, count, moment, number } from "./format.js";
import { button, empty, link, notice } from "./parts.js";
import { methodName } from "./run_told.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

const A_PAGE = 30;
const MOST = 500;

export function draw(root) {
  let shown = A_PAGE;
  const look = async () => {
    const [adapters, headers] = await getWithHeaders(`/api/v1/adapters?limit=${shown}&search=${encodeURIComponent(search.value.trim())}`);
    const total = Number(headers.get("X-Total"));
    finding.hidden = !search.value && total <= A_PAGE;
    const more = () => { shown = Math.min(shown + A_PAGE, MOST); return look(); };
    fillWhenChanged(list, [adapters, total], () => {
      if (!adapters.length) return search.value ? h("p", { class: "ts-soft" }, t("adapters.nothing_found")) : nothing();
      return [adapters.map((adapter) => card(adapter, look)), total > adapters.length && shown < MOST ? button(t("runs.more"), more, { key: "more-adapters" }) : null];
    });
  };
  const search = h("input", { type: "search", id: "find-adapter", "aria-label": t("adapters.search"), placeholder: t("adapters.search") });
  search.addEventListener("input", look);
  const finding = h("div", { class: "ts-field", hidden: true }, search);
  const list = h("div", {});
  root.append(finding, list);
  poll(look, 3);
}

function nothing() {
  return empty(t("adapters.empty.title"), t("adapters.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("runs.new"), "/train"));
}

function card(adapter, look) {
  const path = `/api/v1/adapters/${adapter.id}`;
  const erase = async () => {
    await remove(path);
    await look();
    notice(t("deleted", { name: adapter.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
  };
  const exam = adapter.eval_loss === null ? "" : t("adapters.exam", { loss: number(adapter.eval_loss) });
  return h("article", { class: "ts-card" },
    h("h3", {}, adapter.name),
    h("p", {}, t("adapters.made", { kind: t(`adapters.kind.${adapter.adapter}`), method: methodName(adapter.method) })),
    adapter.method === "reward" ? h("p", { class: "ts-soft" }, t("adapters.reward")) : null,
    h("p", { class: "ts-soft" }, [t("adapters.line", { step: count(adapter.step), size: bytes(adapter.bytes), when: moment(adapter.created_at) }), exam].filter(Boolean).join(" · ")),
    h("div", { class: "ts-actions" },
      adapter.method === "reward" ? null : link(t("run.compare"), `/playground?with=adapter:${adapter.id}`, "primary"),
      link(t(adapter.adapter === "full" ? "adapters.download_whole" : "run.download"), `${path}/download`),
      adapter.method === "reward" ? null : link(t("check.link"), `/safety-check?of=adapter:${adapter.id}`),
      link(t("adapters.run"), `/run?run=${adapter.run_id}`),
      button(t("delete"), erase, { kind: "link", key: `delete-${adapter.id}` })));
}
