// Numbers, sizes, durations and moments as people read them.

import { t } from "./words.js";

export function count(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en");
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let index = 0;
  while (value >= 1000 && index < units.length - 1) { value /= 1000; index += 1; }
  return `${index === 0 ? value : value.toPrecision(3)} ${units[index]}`;
}

export function parameters(value) {
  if (!value) return "–";
  if (value >= 1e9) return t("number.billion", { n: (value / 1e9).toFixed(1) });
  if (value >= 1e6) return t("number.million", { n: (value / 1e6).toFixed(1) });
  return count(value);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function moment(iso) {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "–";
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return t("number.none");
  return Math.abs(value) >= 0.001 || value === 0 ? Number(value.toPrecision(digits)).toString() : value.toExponential(2);
}
