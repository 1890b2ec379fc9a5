import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// All declarations of the library on one page, without comments: a change of it is a change for users, and is seen
// there when it is reviewed.

/** The entries of the library, by the name of their module. */
export const ENTRIES = ['api', 'testing', 'sandbox'] as const;

/** Removes comments; a compiler wrote the text, so that none begins within a string. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '').replace(/^\s*\/\/.*\n/gm, '');
}

/** Splits declarations, as a compiler writes them: each begins at the start of a line. */
function statementsOf(text: string): readonly string[] {
  return withoutComments(text)
    .split(/\n(?=[a-z])/)
    .map((statement) => statement.trim());
}

/** Returns the declarations of a name: several where a function has several signatures. */
function declarationsOf(path: string, name: string): readonly string[] {
  const declared = new RegExp(`^export (?:declare )?(?:abstract )?(?:function|class|interface|type|const) ${name}\\b`);
  return statementsOf(readFileSync(path, 'utf8')).filter((statement) => declared.test(statement));
}

/** The names that a module exports from others, with the other's declarations. */
function exportsOf(entry: string): readonly (readonly [name: string, path: string])[] {
  const found = readFileSync(entry, 'utf8').matchAll(/^export (?:type )?\{([^}]*)\} from '(\.[^']+)\.[jt]s';/gm);
  return [...found].flatMap(([, names = '', module = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== '')
      .map((name) => [name, join(dirname(entry), `${module}.d.ts`)] as const),
  );
}

/**
 * Returns the page with the declarations of all exports.
 * @param folder the compiled `src`
 * @throws an Error for an export without a declaration
 */
export function apiReport(folder: string): string {
  const sections = ENTRIES.map((name) => [name, join(folder, `${name}.d.ts`)] as const)
    .filter(([, path]) => existsSync(path))
    .map(([entry, path]) => {
      const declarations = [...exportsOf(path)]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .flatMap(([name, module]) => {
          const found = declarationsOf(module, name);
          if (found.length === 0) throw new Error(`${module} has no declaration of ${name}`);
          return found;
        });
      const title = entry === 'api' ? 'tsimg' : `tsimg/${entry}`;
      return `## ${title}\n\n\`\`\`ts\n${declarations.join('\n\n')}\n\`\`\`\n`;
    });
  return `# Declarations\n\nAll that the library exports, for reviews of changes. \`npm run check\` compares it with the source.\n\n${sections.join('\n')}`;
}
