// Reads what was copied from a spreadsheet or a CSV file: cells with quotes, commas and line ends in them come out whole.

// RFC 4180 with any separator; a quote inside a quoted cell is doubled.
export function records(text, separator) {
  const found = [];
  let record = [];
  let cell = "";
  let quoted = false;
  const plain = text.replace(/\r\n?/g, "\n");
  const endCell = () => { record.push(cell); cell = ""; };
  const endRecord = () => { endCell(); found.push(record); record = []; };
  for (let at = 0; at < plain.length; at += 1) {
    const sign = plain[at];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (plain[at + 1] === '"') { cell += '"'; at += 1; }
      else quoted = false;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === separator) endCell();
    else if (sign === "\n") endRecord();
    else cell += sign;
  }
  if (cell || record.length) endRecord();
  return found.filter((one) => one.some((value) => value.trim()));
}

// The table that a pasted text is, or null where it is just a text: tabs make a table, and so do
// commas or semicolons where every one of several lines has as many.
export function pasted(text) {
  if (text.includes("\t")) return records(text, "\t");
  for (const separator of [",", ";"]) {
    const found = records(text, separator);
    const wide = found[0]?.length ?? 0;
    if (found.length > 1 && wide > 1 && wide <= 3 && found.every((record) => record.length === wide)) return found;
  }
  return null;
}

const HEADINGS = ["question", "prompt", "instruction", "input", "answer", "response", "output", "completion", "system"];

// Leaves out the line with the columns' names.
export function withoutHeading(found) {
  const [first, ...rest] = found;
  return rest.length && first.every((cell) => HEADINGS.includes(cell.trim().toLowerCase())) ? rest : found;
}
