// Facts over time, and their totals by kind.

import { sum } from "./activity.js";
import { chart, withSwatch } from "./chart.js";
import { Panel, element, nameCell, numberCell, row } from "./elements.js";
import { count, heading, period, rate, share, words } from "./format.js";

export class Kinds {
  constructor(stream) {
    this.stream = stream;
    const many = heading(stream.fact.many);
    const columns = [
      { text: heading(stream.kind.name === stream.fact.one ? "kind" : stream.kind.name) },
      { text: many, number: true },
      { text: "Share", number: true },
      { text: "Per second", number: true },
    ];
    this.panel = new Panel(stream.activity_view, many, columns, "");
    this.section = this.panel.section;
    this.section.classList.add("activity");
    this.figure = element("figure", { className: "chart", hidden: true });
    this.panel.title.after(this.figure);
  }

  show({ activity, progress }) {
    const { from, end, panes, totals, complete } = activity;
    const { size_seconds, slide_seconds } = progress.window;
    const all = sum(totals);
    if (all === 0) {
      this.showNote(`No ${words(this.stream.fact.many)} in the window ${period(from, end)}.`);
      return;
    }
    const line = (name, facts) => [
      name,
      numberCell(count(facts)),
      numberCell(share(facts / all)),
      numberCell(rate(facts / size_seconds)),
    ];
    const kinds = this.stream.kind.values.map((kind, index) =>
      row(...line(withSwatch(nameCell(heading(kind)), index), totals[index])),
    );
    const total = row(...line(nameCell("All"), all));
    total.className = "total";
    const rows = kinds.length > 1 ? [...kinds, total] : [total];
    const caption = `In the window ${period(from, end)}`;
    this.panel.showTable(caption, rows, complete ? "" : "There is more than can be added up here.");
    this.figure.replaceChildren(...chart(this.stream, panes, slide_seconds));
    this.figure.hidden = false;
  }

  showNote(text) {
    this.figure.hidden = true;
    this.panel.showNote(text);
  }
}
