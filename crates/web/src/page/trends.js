// The terms of a facet that trend: worldwide or in one scope, in the order of counts or of scores.

import { Panel, choice, nameCell, numberCell, row, setOptions, withBar } from "./elements.js";
import {
  allScopes, count, duration, heading, moment, period, scopeName, signed, tenths, words,
} from "./format.js";
import { get } from "./requests.js";

const TERMS_SHOWN = 20;
// More than a window lists unless the configuration says otherwise; the most unusual may be the last.
const TERMS_LISTED = 1000;
const SCOPES_OFFERED = 50;
const EVERYWHERE = "";

const WARMING_UP = "Warming up: there are no scores until there is enough past to compare with.";

function warmingUp(listed) {
  return listed.every(({ score }) => score === undefined);
}

export class Trends {
  constructor(stream, facet, changed) {
    this.stream = stream;
    this.facet = facet;
    const term = words(facet.term.one);
    const columns = [
      { text: "Rank", number: true },
      { text: heading(facet.term.one) },
      ...(facet.counts === "actors" ? [{ text: "Actors", number: true }] : []),
      { text: heading(stream.fact.many), number: true },
      { text: "Score", number: true },
    ];
    const actors = `Actors: how many different ones; whoever repeats a ${term} counts once. `;
    const score = `Score: how far the number is above what is usual for this ${term}, judged by the past `
      + "hour and by how busy the rest of the stream is, in units of chance. ▲ marks what is unusual, and since when.";
    const help = facet.counts === "actors" ? actors + score : score;
    const title = `Trending ${words(facet.term.many)}`;
    this.panel = new Panel(facet.view, title, columns, help);
    this.section = this.panel.section;
    this.addChoices(changed);
  }

  addChoices(changed) {
    const { scope } = this.stream;
    const orders = [["count", `Most ${this.counted()}`], ["score", "Most unusual"]];
    this.order = choice("Order", orders, changed);
    this.panel.choices.append(this.order.labelled);
    if (scope === null || this.facet.by_scope_view === null) return;
    this.scope = choice(heading(scope.name), [[EVERYWHERE, allScopes(scope)]], changed);
    this.panel.choices.prepend(this.scope.labelled);
  }

  // What a term is ranked by.
  counted() {
    return this.facet.counts === "actors" ? "actors" : words(this.stream.fact.many);
  }

  // Loads what `show` will show; the layers that it is from.
  async load({ pageLimitMax }) {
    const scope = this.scope?.select.value ?? EVERYWHERE;
    const limit = Math.min(TERMS_LISTED, pageLimitMax);
    const parameters = { window: "latest", limit };
    if (scope !== EVERYWHERE) parameters[this.stream.scope.name] = scope;
    const view = scope === EVERYWHERE ? this.facet.view : this.facet.by_scope_view;
    this.listed = (await get(view, parameters)).documents;
    return this.listed.map(({ layer }) => layer);
  }

  show({ progress, activity }) {
    const { listed } = this;
    this.offerScopes(activity.scopes);
    const { closed_until, window } = progress;
    const rule = `more than ${window.count_above} ${this.counted()}`;
    if (listed.length === 0) {
      this.panel.showNote(this.whyNone(rule, duration(window.size_seconds)));
      return;
    }
    const { window_start, "@timestamp": end } = listed[0];
    const silent = Date.parse(end) < Date.parse(closed_until);
    const until = moment(closed_until, end);
    const last = `No ${words(this.facet.term.one)} has ${rule} in the window until ${until}. `
      + "This was the last list.";
    const rows = this.inOrder(listed).map((trend) => this.row(trend, listed));
    const notes = [silent ? last : "", warmingUp(listed) ? WARMING_UP : ""];
    this.panel.showTable(`In the window ${period(window_start, end)}`, rows, notes.join(" ").trim());
  }

  // In one scope there may have been some before: the latest window is the same for all scopes.
  whyNone(rule, size) {
    const term = words(this.facet.term.one);
    const scope = this.scope?.select;
    if (scope === undefined || scope.value === EVERYWHERE) {
      return `No ${term} has had ${rule} in ${size} yet.`;
    }
    return `No ${term} has ${rule} of ${scope.selectedOptions[0].text} in the latest window.`;
  }

  inOrder(listed) {
    const byScore = this.order.select.value === "score" && !warmingUp(listed);
    const order = byScore ? [...listed].sort((a, b) => b.score - a.score) : listed;
    return order.slice(0, TERMS_SHOWN);
  }

  row({ rank, since, name, actors, count: facts, score }, listed) {
    const ranked = (trend) => trend.actors ?? trend.count;
    const largest = Math.max(...listed.map(ranked));
    const end = listed[0]["@timestamp"];
    const text = score === undefined ? "–" : signed(tenths(score));
    return row(
      numberCell(count(rank)),
      withBar(nameCell(name), (actors ?? facts) / largest),
      ...(actors === undefined ? [] : [numberCell(count(actors))]),
      numberCell(count(facts)),
      numberCell(since === undefined ? text : `▲ ${text} since ${moment(since, end)}`),
    );
  }

  // Those where most happened; one that was chosen stays although little happens there.
  offerScopes(scopes) {
    if (this.scope === undefined) return;
    const { select } = this.scope;
    const codes = scopes.slice(0, SCOPES_OFFERED).map(({ scope }) => scope);
    if (select.value !== EVERYWHERE && !codes.includes(select.value)) codes.push(select.value);
    const named = codes.map((code) => [code, scopeName(this.stream.scope, code)]);
    const collator = new Intl.Collator("en");
    named.sort(([, a], [, b]) => collator.compare(a, b));
    setOptions(select, [[EVERYWHERE, allScopes(this.stream.scope)], ...named]);
  }
}
