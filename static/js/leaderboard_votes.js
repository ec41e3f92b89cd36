// The votes themselves, the newest first: what was asked, who stood against whom, and a way to take a vote back.

import { get, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, notice } from "./parts.js";
import { t } from "./words.js";

const SHOWN = 20;
const SAID = { tie: "vote.tie", bad: "vote.bad" };

// `asked`: which votes; `changed` is called after one was taken back or brought back.
export async function drawVotes(root, asked, changed) {
  const { votes, total } = await get(`/api/v1/votes?${asked}&limit=${SHOWN}`);
  if (!total) return fill(root);
  const open = root.querySelector("details")?.open ?? false;
  fill(root, h("details", { class: "ts-card", id: "all-votes", open }, h("summary", {}, t("votes.all", { n: count(total) })),
    total > SHOWN ? h("p", { class: "ts-soft" }, t("votes.newest", { n: SHOWN })) : null,
    h("ul", { class: "ts-votes" }, votes.map((vote) => entry(vote, changed)))));
}

function entry(vote, changed) {
  const { a, b, messages } = vote.told;
  const said = vote.outcome in SAID ? t(SAID[vote.outcome]) : t("vote.better", { name: (vote.outcome === "a" ? a : b).title });
  const sides = [a, b].map((side) => h("div", {}, h("strong", {}, side.title), side.mark ? h("span", { class: "ts-soft" }, ` (${side.mark})`) : null, h("p", { dir: "auto", class: "ts-said" }, side.text)));
  const back = async () => {
    await remove(`/api/v1/votes/${vote.id}`);
    await changed();
    notice(t("vote.taken_back_one"), { undo: async () => { await post(`/api/v1/votes/${vote.id}/restore`); await changed(); } });
  };
  return h("li", {}, h("p", { dir: "auto" }, h("strong", {}, messages.at(-1).content)),
    h("p", {}, said, vote.blind ? h("span", { class: "ts-soft" }, ` · ${t("votes.blind")}`) : null, h("span", { class: "ts-soft" }, ` · ${moment(vote.at)}`), vote.reason ? h("span", { dir: "auto" }, ` · ${vote.reason}`) : null),
    h("div", { class: "ts-vote-foot" }, h("details", {}, h("summary", {}, t("votes.answers")), h("div", { class: "ts-fields" }, sides)),
      button(t("vote.take_back"), back, { kind: "link", key: `back-${vote.id}` })));
}
