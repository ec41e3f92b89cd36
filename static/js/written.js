// Questions and answers that a person writes or keeps from the playground; they stay in this browser until saved as data.

const KEPT = "written";

export function blank() { return { question: "", answer: "", system: "" }; }

export function filled(row) { return Boolean(row.question.trim() || row.answer.trim() || row.system?.trim()); }

export function kept() {
  const none = { name: "", withSystem: false, rows: [] };
  try { return { ...none, ...JSON.parse(localStorage.getItem(KEPT)) }; } catch { return none; }
}

export function keep({ name, withSystem, rows }) {
  localStorage.setItem(KEPT, JSON.stringify({ name, withSystem, rows: rows.filter(filled) }));
}

export function forget() { localStorage.removeItem(KEPT); }

// Puts one exchange behind the others and returns how many there are; the same exchange is kept once.
export function keepExchange(question, answer, system) {
  const before = kept();
  const row = { question, answer, system };
  const rows = [...before.rows.filter((other) => JSON.stringify(other) !== JSON.stringify(row)), row];
  keep({ ...before, withSystem: before.withSystem || Boolean(system), rows });
  return rows.length;
}
