// Questions in sets, put to several models at once: the overview, one set, or the answers to one.

import { parameter } from "./api.js";
import { fill, h } from "./dom.js";
import { drawEvaluation } from "./evaluation.js";
import { Evaluations } from "./evaluations.js";
import { playgroundTabs } from "./playground_tabs.js";
import { NewSet } from "./prompts_new.js";
import { drawSet } from "./prompts_set.js";
import { Sets } from "./prompts_sets.js";

export async function draw(root) {
  const place = h("div", {});
  fill(root, playgroundTabs("questions"), place);
  if (parameter("evaluation")) return drawEvaluation(place, parameter("evaluation"));
  if (parameter("set")) return drawSet(place, parameter("set"));
  const sets = new Sets();
  const added = new NewSet();
  fill(place, added.element, sets.element, new Evaluations().element);
  await sets.look();
}
