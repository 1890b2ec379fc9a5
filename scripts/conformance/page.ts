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

Tools that unpack images follow the specification in most cases. In the others they differ, and no tool's documentation
says how. This corpus of ${total} cases shows the differences. A case is an image and the result that it must have: a tree,
an error, or one of the two where the specification leaves the choice. Code in
[fixtures/conformance](../fixtures/conformance) makes the corpus, with the same bytes every time.

    npm run conformance                         runs all tools that are installed; needs root
    npm run conformance -- --case CASE          runs one case with tsimg, and shows it in full
    npm run conformance -- --write DIR          writes the corpus for other projects: corpus.json and one image per case
    npm run conformance -- --docs               writes this page

## Results

Each cell counts the cases that a tool holds, out of the cases that it can read (umoci reads OCI layouts only). A tool
holds a case if it gives one of the expected results and changes nothing outside of the root.

${countRows(groups, runs).join('\n')}

${runs.map(({ name, version, note }) => `- ${name} ${version}: ${note}`).join('\n')}

How to read the table:

- The versions are those of a distribution and may be old.
- A case that a tool does not hold may be a difference of opinion. The corpus decides by the specification.
- A hostile case that a tool does not hold need not be a vulnerability: one wrong name inside the root is enough.
- Each tool ran without a network, in a mount namespace in which it could write to a single directory. The files around
  its destination were compared before and after, by content, mode, owner, time and links.
- For the other tools only counts are published, because their maintainers should be the first to hear of a hostile case
  that their tool does not hold.

## Cases

Each case compares the set of names; the type, content, target, mode, owner and device number of each; and which names
are links to the same file. Times and extended attributes are compared in the cases about them.

${caseList(groups, own?.results ?? [])}
`;
}
