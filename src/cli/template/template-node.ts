/** A value in an action. */
export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** `.`: the value that the template is filled with, or the one that `range` or `with` is at. */
  | { readonly kind: 'dot' }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  /** `.Inner.Field` of another operand. */
  | { readonly kind: 'field'; readonly of: Operand; readonly path: readonly string[] };

/** What is called or taken, and its arguments. */
export interface Call {
  readonly first: Operand;
  readonly args: readonly Operand[];
}

/** Calls, each with the value of the one before as its last argument. */
export interface Pipeline {
  /** The variables that get the value; of `range` also two: the key and the value. */
  readonly variables: readonly string[];
  /** Whether the variables exist already: `=`, not `:=`. */
  readonly assigns: boolean;
  readonly calls: readonly Call[];
  /** The action as it is written, for messages. */
  readonly source: string;
}

/** A part of a template. */
export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | { readonly kind: 'break' | 'continue' };

/** A parsed template. */
export interface Template {
  readonly nodes: readonly TemplateNode[];
  /** The fields of the template's value that it names, each once, without their inner fields. */
  readonly fields: ReadonlySet<string>;
}
