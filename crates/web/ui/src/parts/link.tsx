// A link within the pages. A new tab and a copied address work as with any link.

import type { ComponentChildren } from "preact";

import { useApp } from "../app.ts";
import { type Route, go, has, href, toggled } from "../route.ts";
import { fieldTitle, valueName } from "../descriptor.ts";

interface Props {
  to: Partial<Route>;
  class?: string | undefined;
  title?: string | undefined;
  current?: "page" | "true" | undefined;
  label?: string | undefined;
  children: ComponentChildren;
}

export function Link({ to, class: name, title, current, label, children }: Props) {
  const { route } = useApp();
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a
      href={href({ ...route, ...to })}
      class={name ?? "text-link"}
      title={title}
      aria-label={label}
      aria-current={current}
      onClick={follow}
    >
      {children}
    </a>
  );
}

// A value that filters when it is clicked, and no longer filters when it is clicked again.
// `bdi` keeps a right-to-left name from turning the rest of the row round.
export function Value({ field, value, children }: { field: string; value: string; children?: ComponentChildren }) {
  const { route, stream } = useApp();
  const chosen = has(route.filters, field, value);
  const name = valueName(stream, field, value);
  const what = `${fieldTitle(stream, field)}: ${name}`;
  return (
    <Link
      to={{ filters: toggled(route.filters, field, value) }}
      class={chosen ? "value chosen" : "value"}
      title={chosen ? `${what}: no longer filter by it` : `Filter by ${what}`}
      current={chosen ? "true" : undefined}
    >
      {children ?? <bdi>{name}</bdi>}
    </Link>
  );
}
