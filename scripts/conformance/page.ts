import type { CaseGroup } from '../../fixtures/conformance/conformance-case.ts';
import type { CaseResult } from './run-case.ts';

export interface ToolRun {
  readonly name: string;
  readonly version: string;
  readonly note: string;
  readonly results: readonly CaseResult[];
}

export interface Count {
  readonly held: number;
  readonly total: number;
}

/** By group and tool: the number of cases that the tool holds, of those that it can be given. */
export function countsTable(groups: readonly CaseGroup[], runs: readonly ToolRun[]) {
  return groups.map(({ name, title, cases }) => ({
    group: name,
    title,
    cases: cases.length,
    tools: Object.fromEntries(
      runs.map((run): [string, Count] => {
        const ids = new Set(cases.map(({ id }) => id));
        const results = run.results.filter(({ id }) => ids.has(id));
        return [
          `${run.name} ${run.version}`,
          { held: results.filter(({ held }) => held).length, total: results.length },
        ];
      }),
    ),
  }));
}

function cell({ held, total }: Count): string {
  return total === 0 ? '–' : `${held}/${total}`;
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}

function countRows(groups: readonly CaseGroup[], runs: readonly ToolRun[]): readonly string[] {
  const tools = runs.map(({ name, version }) => `${name} ${version}`);
  const counts = countsTable(groups, runs);
  const sum = (tool: string, key: keyof Count) =>
    counts.reduce((all, group) => all + (group.tools[tool]?.[key] ?? 0), 0);
  return [
    row('group', ...tools),
    row('---', ...tools.map(() => '---:')),
    ...counts.map(({ title, tools: cells }) => row(title, ...Object.values(cells).map(cell))),
    row('**all**', ...tools.map((tool) => `**${cell({ held: sum(tool, 'held'), total: sum(tool, 'total') })}**`)),
  ];
}

/** Returns the result of tsimg for a case. */
function outcomeText(result: CaseResult | undefined): string {
  if (result === undefined) return '';
  if (!result.held) return '**not held**';
  return result.outcome === 'refused' ? `\`${result.code}\`` : result.outcome;
}

/** Returns the list of cases, with the results of tsimg. */
export function caseList(groups: readonly CaseGroup[], own: readonly CaseResult[]): string {
  const results = new Map(own.map((result) => [result.id, result]));
  return groups
    .map(({ title, cases }) => {
      const rows = cases.map(({ id, rule, cites }) =>
        row(`\`${id}\``, rule, cites.join('; '), outcomeText(results.get(id))),
      );
      return [`### ${title}`, '', row('case', 'rule', 'see', 'tsimg'), row('---', '---', '---', '---'), ...rows].join(
        '\n',
      );
    })
    .join('\n\n');
}

/** Returns docs/conformance.md: counts by group for every tool, and the cases for tsimg only. */
export function conformancePage(groups: readonly CaseGroup[], runs: readonly ToolRun[]): string {
  const own = runs.find(({ name }) => name === 'tsimg');
  const total = groups.flatMap(({ cases }) => cases).length;
  return `# Conformance

What does an image become? The specification says most of it, tools differ in the rest, and nobody publishes what they differ
in. This is a corpus of ${total} cases: each an image, and the tree that must result, or an error, or either where the
specification leaves the choice. Code in [fixtures/conformance](../fixtures/conformance) makes it, the same bytes every time.

    npm run conformance                         all tools that are installed, as root
    npm run conformance -- --case CASE          one case of tsimg, in full
    npm run conformance -- --write DIR          the corpus as files, for other projects: corpus.json and an image a case
    npm run conformance -- --docs               this page

## Results

Cases held, of those that a tool can be given (umoci reads OCI layouts only). A case is held when one of its expected results
comes of it and nothing outside of the root is changed.

${countRows(groups, runs).join('\n')}

${runs.map(({ name, version, note }) => `- ${name} ${version}: ${note}`).join('\n')}

How to read it: the versions are those of a distribution and may be old; a case that is not held may be a difference of
opinion that we have decided by the specification, and a hostile case that is not held need not be a hole: a name too much
or too few inside the root is enough. Each tool ran in a mount namespace in which nothing but a sandbox could be
written, without a network; what lay around its destination was compared in content, mode, owner, time and links. For the
other tools only counts are published: which hostile cases one of them does not hold is for its maintainers to hear first.

## Cases

Field by field, what is compared: the set of names, types, contents, targets, modes, owners, device numbers, which names are
one file; times and extended attributes where a case is about them.

${caseList(groups, own?.results ?? [])}
`;
}
