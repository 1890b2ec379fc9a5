import { callFunction, isOpenMap, SHOWING } from './functions.ts';
import { notFilled } from './template-error.ts';
import type { Call, Operand, Pipeline, Template, TemplateNode } from './template-node.ts';
import { formatValue, isList, isMethod, isObject, isTrue, kindOf, OwnText, sortedEntries } from './values.ts';

/** The most actions and texts that one filling performs: `range` in `range` multiplies them. */
const MAX_STEPS = 1_000_000;
/** The longest result, and the longest text in it: characters. */
const MAX_TEXT = 16 * 1024 * 1024;

/** A filling that goes on. */
interface Filling {
  readonly root: unknown;
  readonly variables: { readonly name: string; value: unknown }[];
  readonly output: string[];
  /** Whether it is the heading of a table, in which docker's functions leave a text as it is. */
  readonly isHeading: boolean;
  steps: number;
  length: number;
}

function countStep(filling: Filling, source: string): void {
  filling.steps += 1;
  if (filling.steps > MAX_STEPS) throw notFilled(source, `it takes more than ${MAX_STEPS} steps`);
}

function checkLength(length: number, source: string): void {
  if (length > MAX_TEXT) throw notFilled(source, `it makes more than ${MAX_TEXT} characters`);
}

function write(filling: Filling, text: string, source: string): void {
  filling.length += text.length;
  checkLength(filling.length, source);
  filling.output.push(text);
}

const NO_FIELD = '--json shows all fields of inspect; of a list, {{json .}}; {{index .Map "key"}} takes any key';

/** Returns a field. What is present and undefined is nothing: a field of docker's that this value does not have. */
function fieldOf(value: unknown, name: string, { source, map }: { source: string; map: string | undefined }): unknown {
  if (isObject(value)) {
    if (Object.hasOwn(value, name)) return value[name] ?? null;
    if (isOpenMap(map)) return null;
    throw notFilled(source, `there is no field ${name}`, NO_FIELD);
  }
  const hint = isList(value) ? 'go through the list: {{range .List}}{{.Field}}{{end}}' : NO_FIELD;
  throw notFilled(source, `${kindOf(value)} has no field ${name}`, hint);
}

/** Returns the value behind a path; its last field may be called with arguments. */
function valueAt(value: unknown, path: readonly string[], args: readonly unknown[], source: string): unknown {
  let found = value;
  let map: string | undefined;
  for (const name of path) {
    found = fieldOf(found, name, { source, map });
    map = name;
  }
  if (isMethod(found)) return found(...args);
  if (args.length > 0) throw notFilled(source, `${path.join('.')} takes no arguments`);
  return found;
}

function evaluateOperand(operand: Operand, dot: unknown, filling: Filling, source: string): unknown {
  switch (operand.kind) {
    case 'literal':
      return typeof operand.value === 'string' ? new OwnText(operand.value) : operand.value;
    case 'dot':
      return dot;
    case 'variable':
      if (operand.name === '$') return filling.root;
      return filling.variables.findLast(({ name }) => name === operand.name)?.value;
    case 'pipeline':
      return evaluate(operand.pipeline, dot, filling);
    case 'function':
      return callNamed(operand.name, [], filling);
    case 'field':
      return valueAt(evaluateOperand(operand.of, dot, filling, source), operand.path, [], source);
  }
}

function callNamed(name: string, args: readonly unknown[], filling: Filling): unknown {
  return filling.isHeading && SHOWING.has(name)
    ? args.find((each) => typeof each === 'string')
    : callFunction(name, args);
}

/** Evaluates the arguments of `and` and `or` up to the one that decides. */
function decisive(isAnd: boolean, values: readonly (() => unknown)[]): readonly unknown[] {
  for (const value of values) {
    const found = value();
    if (isTrue(found) !== isAnd) return [found];
    if (value === values.at(-1)) return [found];
  }
  return [];
}

function evaluateCall(
  { first, args }: Call,
  given: readonly unknown[],
  dot: unknown,
  filling: Filling,
  source: string,
) {
  const later = args.map((arg) => () => evaluateOperand(arg, dot, filling, source));
  if (first.kind === 'function' && (first.name === 'and' || first.name === 'or')) {
    const all = [...later, ...given.map((value) => () => value)];
    return callNamed(first.name, decisive(first.name === 'and', all), filling);
  }
  const values = [...later.map((evaluateLater) => evaluateLater()), ...given];
  if (first.kind === 'function') return callNamed(first.name, values, filling);
  if (first.kind !== 'field') return evaluateOperand(first, dot, filling, source);
  return valueAt(evaluateOperand(first.of, dot, filling, source), first.path, values, source);
}

function evaluate(pipeline: Pipeline, dot: unknown, filling: Filling): unknown {
  const { calls, source } = pipeline;
  let given: readonly unknown[] = [];
  for (const call of calls) {
    countStep(filling, source);
    const value = evaluateCall(call, given, dot, filling, source);
    if (value instanceof OwnText) checkLength(value.text.length, source);
    given = [value];
  }
  return given[0];
}

function setVariables({ variables, assigns }: Pipeline, values: readonly unknown[], filling: Filling): void {
  for (const [at, name] of variables.entries()) {
    const known = assigns ? filling.variables.findLast((each) => each.name === name) : undefined;
    if (known === undefined) filling.variables.push({ name, value: values[at] });
    else known.value = values[at];
  }
}

/** Returns what `range` goes through: keys, or numbers from 0, and values. */
function itemsOf(value: unknown, source: string): readonly (readonly [string | number, unknown])[] {
  if (value === null || value === undefined || value === '') return [];
  if (isList(value)) return [...value.entries()];
  if (isObject(value)) return sortedEntries(value);
  throw notFilled(source, `range cannot go through ${kindOf(value)}`);
}

type Block = Extract<TemplateNode, { kind: 'if' | 'with' | 'range' }>;
type Leave = 'break' | 'continue' | undefined;

function fillRange({ pipeline, body, otherwise }: Block, dot: unknown, filling: Filling): Leave {
  const items = itemsOf(evaluate(pipeline, dot, filling), pipeline.source);
  const seen = filling.variables.length;
  for (const [key, value] of items) {
    countStep(filling, pipeline.source);
    setVariables(pipeline, pipeline.variables.length === 1 ? [value] : [key, value], filling);
    const leave = fillNodes(body, value, filling);
    filling.variables.length = seen;
    if (leave === 'break') break;
  }
  return items.length === 0 ? fillNodes(otherwise, dot, filling) : undefined;
}

function fillBlock(block: Block, dot: unknown, filling: Filling): Leave {
  const { kind, pipeline, body, otherwise } = block;
  if (kind === 'range') return fillRange(block, dot, filling);
  const seen = filling.variables.length;
  const value = evaluate(pipeline, dot, filling);
  setVariables(pipeline, [value], filling);
  const leave = isTrue(value)
    ? fillNodes(body, kind === 'with' ? value : dot, filling)
    : fillNodes(otherwise, dot, filling);
  filling.variables.length = seen;
  return leave;
}

function fillNodes(nodes: readonly TemplateNode[], dot: unknown, filling: Filling): Leave {
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        countStep(filling, node.text);
        write(filling, node.text, node.text);
        break;
      case 'print': {
        const { pipeline } = node;
        const value = evaluate(pipeline, dot, filling);
        if (pipeline.variables.length > 0) setVariables(pipeline, [value], filling);
        else write(filling, formatValue(value), pipeline.source);
        break;
      }
      case 'break':
      case 'continue':
        return node.kind;
      default: {
        const leave = fillBlock(node, dot, filling);
        if (leave !== undefined) return leave;
      }
    }
  }
  return undefined;
}

function fill({ nodes }: Template, root: unknown, isHeading: boolean): string {
  const filling: Filling = { root, variables: [], output: [], isHeading, steps: 0, length: 0 };
  fillNodes(nodes, root, filling);
  return filling.output.join('');
}

/**
 * Fills a template. Values are escaped for a terminal, the template's own texts are not. Time and length are bounded.
 * @throws USAGE for a field that the value does not have, and for what does not fit its values
 */
export function fillTemplate(template: Template, value: unknown): string {
  return fill(template, value, false);
}

/** Fills a template with the headings of a table, which docker's functions leave as they are. @throws USAGE */
export function fillHeading(template: Template, headings: Readonly<Record<string, unknown>>): string {
  return fill(template, headings, true);
}
