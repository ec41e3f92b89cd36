// The page about safety: which profile is in force for whom, the profiles there are, and a text tried on one.

import { get, parameter, post, put, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, field, link, notice, problem } from "./parts.js";
import { playgroundTabs } from "./playground_tabs.js";
import { drawProfile } from "./safety_profile.js";
import { drawTrial } from "./safety_trial.js";
import { t } from "./words.js";

const PROFILES = "/api/v1/safety/profiles";

export async function draw(root) {
  const chosen = parameter("profile");
  const place = h("div", {});
  root.append(playgroundTabs("safety"), place);
  if (chosen) await drawProfile(place, chosen);
  else await overview(place);
}

async function overview(place) {
  const [uses, profiles] = await Promise.all([get("/api/v1/safety/uses"), get(PROFILES)]);
  const again = () => overview(place);
  const trial = h("section", { class: "ts-card" });
  fill(place, inForce(uses, profiles), listed(profiles, uses, again), trial, toCheck(), limits());
  drawTrial(trial, profiles.filter((each) => !each.faults.length));
}

// The studio's comes first; whoever has none of its own takes that.
function inForce(uses, profiles) {
  const state = h("p", { class: "ts-soft ts-small", role: "status" });
  const line = ({ subject, title, profile_id: used }, number) => {
    const own = subject === "studio";
    const options = [["", own ? t("safety.none") : t("safety.as_studio")], ...profiles.map((each) => [each.id, each.faults.length ? t("safety.option_broken", { name: each.name }) : each.name])];
    if (used && !profiles.some((each) => each.id === used)) options.push([used, t("safety.option_gone", { name: used })]);
    const select = choice(`use-${number}`, options, used ?? "", async (id) => {
      select.disabled = true;
      try {
        await put("/api/v1/safety/uses", { subject, profile_id: id || null });
        state.textContent = t("safety.put", { title: own ? t("safety.studio") : title });
      } catch (error) {
        select.value = used ?? "";
        notice(`${error.message} ${error.hint}`, { bad: true });
      }
      select.disabled = false;
    });
    return field(own ? t("safety.studio") : title, select);
  };
  const [studio, ...others] = uses.map(line);
  return h("section", { class: "ts-card" }, h("h2", {}, t("safety.in_force")), h("p", {}, t("safety.in_force_words")), studio,
    others.length ? h("details", { open: others.length < 6 }, h("summary", {}, t("safety.others", { n: count(others.length) })), h("div", { class: "ts-fields" }, others)) : null, state);
}

// What a model does under a profile, and without, on questions of every kind.
function toCheck() {
  return h("section", { class: "ts-card" }, h("h2", {}, t("check.link")), h("p", {}, t("check.lead")), h("div", { class: "ts-actions" }, link(t("check.run"), "/safety-check")));
}

function listed(profiles, uses, again) {
  const name = h("input", { type: "file", id: "profile-file", accept: ".yaml,.yml", class: "ts-hidden", "aria-label": t("safety.import") });
  name.addEventListener("change", () => brought(name.files[0], again).catch((error) => notice(`${error.message} ${error.hint ?? ""}`, { bad: true })));
  return h("section", { class: "ts-card" }, h("h2", {}, t("safety.profiles")), h("p", {}, t("safety.profiles_words")),
    profiles.map((each) => card(each, uses, again)),
    h("div", { class: "ts-actions" }, button(t("safety.new"), fresh, { kind: "primary" }), button(t("safety.import"), () => name.click()), name));
}

function card(profile, uses, again) {
  const path = `${PROFILES}/${profile.id}`;
  const copy = async () => {
    const { profile: told } = await get(path);
    const made = await post(PROFILES, { profile: { ...told, name: t("safety.copy_of", { name: told.name }) } });
    location.href = `/safety?profile=${made.id}`;
  };
  const erase = async () => {
    await remove(path);
    await again();
    notice(t("deleted", { name: profile.name }), { undo: async () => { await post(`${path}/restore`); await again(); } });
  };
  const used = uses.filter((each) => each.profile_id === profile.id).map((each) => (each.subject === "studio" ? t("safety.studio") : each.title));
  return h("article", { class: "ts-kind" },
    h("h3", {}, profile.name, " ", h("span", { class: "ts-chip" }, profile.shipped ? t("safety.shipped") : t("safety.own"))),
    profile.faults.length ? problem(t("safety.broken", { file: `${profile.id}.yaml` }), profile.faults.map((fault) => `${fault.field}: ${fault.message}`).join(" ")) : h("p", {}, profile.description),
    h("p", { class: "ts-soft ts-small" }, [t("safety.rules", { n: count(profile.rules) }), used.length ? t("safety.used", { names: used.join(", ") }) : ""].filter(Boolean).join(" · ")),
    h("div", { class: "ts-actions" },
      link(profile.shipped ? t("safety.look") : t("safety.edit"), `/safety?profile=${profile.id}`),
      profile.faults.length ? null : button(t("safety.copy"), copy, { key: `copy-${profile.id}` }),
      link(t("safety.export"), `${path}/file`),
      profile.shipped ? null : button(t("delete"), erase, { kind: "link", key: `delete-${profile.id}` })));
}

async function fresh() {
  const made = await post(PROFILES, { profile: { format: 1, name: t("safety.new_name") } });
  location.href = `/safety?profile=${made.id}`;
}

async function brought(file, again) {
  if (!file) return;
  const made = await post(PROFILES, { yaml: await file.text() });
  await again();
  notice(t("safety.imported", { name: made.name }), { look: [t("safety.look"), `/safety?profile=${made.id}`] });
}

function limits() {
  return h("section", { class: "ts-card" }, h("h2", {}, t("safety.limits")), h("p", {}, t("safety.can")), h("p", {}, t("safety.cannot")), h("p", {}, t("safety.medical")));
}
