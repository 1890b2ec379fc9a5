// Joins the modules that every `tsimg run` loads into one file, dist/src/hot.js. Each module that went into hot.js becomes a stub that exports from there, so that all others still import it by its own
// name and there is one of each. Reading one file instead of a hundred is what it is for; nothing is renamed or shortened.
// It knows the forms that tsc writes for this code (named exports at the beginning of a line, imports on one line, no cycles,
// nothing exported that changes later) and stops where it meets another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(process.argv[2] ?? join(dirname(import.meta.dirname), 'dist', 'src'));
const HOT = ['cli/program.js', 'cli/run.js', 'verbs/run-source.js'];

const IMPORT = /^import (?:(\{[^}]*\})|\* as (\w+)|(\w+)) from '([^']+)';$/gm;
const EXPORT = /^export (?:(async )?(function\*?|class|const) )(\w+)/gm;

function specifierFrom(folder, path) {
  const specifier = relative(folder, path);
  return specifier.startsWith('.') ? specifier : `./${specifier}`;
}

/** Modules reachable by static imports from these, each after all that it imports. */
function inOrder(entries) {
  const order = [];
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, , , , specifier] of text.matchAll(IMPORT)) {
      if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier));
    }
    order.push({ path, text });
  };
  for (const entry of entries) visit(join(root, entry));
  return order;
}

/** `{ a, b as c }` of an import as a pattern to take apart. */
function pattern(names) {
  return names.replaceAll(' as ', ': ');
}

/** The modules as one text: each a block of its own, whose exports are properties of `mN`. */
function joined(modules, folder) {
  const ids = new Map(modules.map(({ path }, index) => [path, `m${index}`]));
  const outside = new Map();
  const outsideName = (specifier, kind) => {
    const key = `${kind} ${specifier}`;
    if (!outside.has(key)) outside.set(key, `x${outside.size}`);
    return outside.get(key);
  };
  const blocks = modules.map(({ path, text }) => {
    const exported = [...text.matchAll(EXPORT)].map(([, , , name]) => name);
    const body = text
      .replace(/^#!.*\n/, '')
      .replace(/^\/\/# sourceMappingURL.*$/gm, '')
      .replace(/^export \{\};$/gm, '')
      .replace(IMPORT, (_, names, namespace, standard, specifier) => {
        const from = specifier.startsWith('.') ? ids.get(resolve(dirname(path), specifier)) : undefined;
        if (standard !== undefined) return `const ${standard} = ${outsideName(specifier, 'default')};`;
        const source = from ?? outsideName(specifier, 'all');
        return `const ${names === undefined ? namespace : pattern(names)} = ${source};`;
      })
      .replace(EXPORT, (_, async = '', kind, name) => `${async}${kind} ${name}`)
      .replace(/\bimport\('(\.[^']+)'\)/g, (_, specifier) => {
        return `import('${specifierFrom(folder, resolve(dirname(path), specifier))}')`;
      })
      .replaceAll('import.meta.url', `new URL('${specifierFrom(folder, path)}', import.meta.url)`);
    if (/^\s*(import|export)\b[^(]/m.test(body)) throw new Error(`${path}: an import or export of unknown form`);
    return `const ${ids.get(path)} = {};\n{\n${body}\nObject.assign(${ids.get(path)}, { ${exported.join(', ')} });\n}\n`;
  });
  const imports = [...outside].map(([key, name]) => {
    const [kind, specifier] = key.split(' ');
    return kind === 'default' ? `import ${name} from '${specifier}';` : `import * as ${name} from '${specifier}';`;
  });
  return { text: `${imports.join('\n')}\n${blocks.join('')}`, ids };
}

if (existsSync(join(root, 'hot.js'))) throw new Error('it is joined already: build it anew');
const modules = inOrder(HOT);
const { text, ids } = joined(modules, root);
for (const { path, text: original } of modules) {
  const names = [...original.matchAll(EXPORT)].map(([, , , name]) => name);
  const hot = specifierFrom(dirname(path), join(root, 'hot.js'));
  const stub = names.length === 0 ? 'export {};' : `export const { ${names.join(', ')} } = ${ids.get(path)};`;
  writeFileSync(path, `import { ${ids.get(path)} } from '${hot}';\n${stub}\n`);
}
writeFileSync(join(root, 'hot.js'), `${text}export { ${[...ids.values()].join(', ')} };\n`);
