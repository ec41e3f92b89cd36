// Says so while the studio does not answer, and stops saying it when it does again.

import { h } from "./dom.js";
import { t } from "./words.js";

let banner = null;

export function lost() {
  if (banner) return;
  banner = h("div", { class: "ts-away", role: "alert" }, t("connection.lost"));
  document.body.append(banner);
}

export function restored() {
  banner?.remove();
  banner = null;
}
