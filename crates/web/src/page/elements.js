// Makes parts of the page.
//
// Names of terms come from outside: text goes into the page as `textContent` only, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

export function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function row(...cells) {
  return element("tr", {}, ...cells);
}

export function numberCell(text) {
  return element("td", { className: "number", textContent: text });
}

// The name of a row; `bdi` keeps a right-to-left name from turning the rest of the row round.
export function nameCell(text) {
  const name = element("bdi", { textContent: text, title: text });
  return element("th", { scope: "row", className: "name" }, name);
}

// The bar repeats the number beside it, so it is for the eye alone.
export function withBar(cell, share) {
  const bar = element("span", { className: "bar", ariaHidden: "true" });
  bar.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  cell.append(bar);
  return cell;
}

// A choice with its label. The first option is chosen.
export function choice(label, options, changed) {
  const select = element("select");
  setOptions(select, options);
  select.addEventListener("change", changed);
  const labelled = element("label", { className: "choice" }, `${label} `, select);
  return { labelled, select };
}

// Options are only exchanged when they differ, as an open list would close.
export function setOptions(select, options) {
  const before = [...select.options].map(({ value, text }) => [value, text]);
  if (JSON.stringify(before) === JSON.stringify(options)) return;
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

// A section with a heading, choices, a note, one table, and help below it.
export class Panel {
  constructor(id, title, columns, help) {
    this.title = element("h2", { id: `panel-${id}`, textContent: title });
    this.choices = element("div", { className: "choices" });
    this.note = element("p", { className: "note", textContent: "Loading…" });
    this.caption = element("caption");
    this.rows = element("tbody");
    const head = element("thead", {}, row(...columns.map(columnHead)));
    this.table = element("table", { hidden: true }, this.caption, head, this.rows);
    this.help = element("p", { className: "note", hidden: true, textContent: help });
    const parts = [this.title, this.choices, this.note, this.table, this.help];
    this.section = element("section", {}, ...parts);
    this.section.setAttribute("aria-labelledby", this.title.id);
  }

  showTable(caption, rows, note = "") {
    this.caption.textContent = caption;
    this.rows.replaceChildren(...rows);
    this.note.textContent = note;
    this.table.hidden = false;
    this.help.hidden = this.help.textContent === "";
  }

  showNote(text) {
    this.note.textContent = text;
    this.table.hidden = true;
    this.help.hidden = true;
  }
}

function columnHead({ text, number }) {
  return element("th", { scope: "col", className: number ? "number" : "", textContent: text });
}
