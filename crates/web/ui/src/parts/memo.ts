// What is drawn anew only when it is given something else, or when what it uses itself changes.

import { type Component, type FunctionComponent, type VNode, h } from "preact";

type Part<Props> = (props: Props) => VNode | null;

export function memo<Props extends object>(part: Part<Props>): Part<Props> {
  return function Memo(this: Component<Props>, props: Props) {
    this.shouldComponentUpdate = (next) => differ(this.props as Props, next as Props);
    return h(part as FunctionComponent, props);
  };
}

function differ<Props extends object>(one: Props, other: Props): boolean {
  const names = Object.keys({ ...one, ...other }) as (keyof Props)[];
  return names.some((name) => one[name] !== other[name]);
}
