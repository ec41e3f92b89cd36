// The words of the pages, from the same catalogue that the Python pages read.

const response = await fetch("/ui/words/en.json");
const catalogue = await response.json();

export function t(key, values = {}) {
  const words = catalogue[key];
  if (words === undefined) { console.error(`no words for ${key}`); return key; }
  return words.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
