// Totals of the last window by scope.

import { Panel, nameCell, numberCell, row, withBar } from "./elements.js";
import { count, heading, period, scopeName, scopeTitle, words } from "./format.js";

const SCOPES_SHOWN = 15;

export class Scopes {
  constructor(stream) {
    this.stream = stream;
    const { fact, scope, sums } = stream;
    const columns = [
      { text: heading(scope.name) },
      ...[fact.many, ...sums].map((name) => ({ text: heading(name), number: true })),
    ];
    this.panel = new Panel("scopes", scopeTitle(scope), columns, "");
    this.section = this.panel.section;
  }

  show({ activity }) {
    const { from, end, scopes, complete } = activity;
    if (scopes.length === 0) {
      this.panel.showNote(`No ${words(this.stream.fact.many)} in the window ${period(from, end)}.`);
      return;
    }
    const rows = scopes.slice(0, SCOPES_SHOWN).map(({ scope, facts, sums }) =>
      row(
        withBar(nameCell(scopeName(this.stream.scope, scope)), facts / scopes[0].facts),
        ...[facts, ...sums].map((number) => numberCell(count(number))),
      ),
    );
    const hidden = scopes.length > rows.length;
    const which = hidden ? `The first ${rows.length} of ${scopes.length}, in` : "In";
    const note = complete ? "" : "There is more than can be added up here.";
    this.panel.showTable(`${which} the window ${period(from, end)}`, rows, note);
  }
}
