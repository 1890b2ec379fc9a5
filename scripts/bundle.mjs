// Joins the modules that every `tsimg run` loads into one script, dist/src/hot.cjs, and compiles it once and for all: hot.cache is
// what V8 made of it, which V8 itself refuses where its version or flags are others. load-hot.cjs loads both: for the command, which
// is tsimg.cjs, and for hot.js. Each module that went into it becomes a stub that exports from there, so that all others still import
// it by its own name and there is one of each.
// Reading one file instead of a hundred and not compiling it is what it is for; nothing is renamed or shortened.
// It knows the forms that tsc writes for this code (named exports at the beginning of a line, imports on one line, no cycles,
// nothing exported that changes later) and stops where it meets another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const root = resolve(process.argv[2] ?? join(dirname(import.meta.dirname), 'dist', 'src'));
/** Packages that are joined with it; they consist of CommonJS files. */
const PACKAGES = new Set(['commander']);
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

/**
 * A package of CommonJS files as an expression: what its main file exports. It is joined too, and so is there twice: once here
 * and once for modules that are not joined. They hand each other plain objects of it, and never ask of which class one is.
 */
function packaged(specifier) {
  const files = [];
  const numbers = new Map();
  const add = (path) => {
    if (!numbers.has(path)) {
      numbers.set(path, files.push('') - 1);
      const inner = createRequire(path);
      const text = readFileSync(path, 'utf8').replace(/\brequire\('(\.[^']+)'\)/g, (_, name) => {
        return `include(${add(inner.resolve(name))})`;
      });
      files[numbers.get(path)] = `(module, exports, include) => {\n${text}\n}`;
    }
    return numbers.get(path);
  };
  add(createRequire(join(root, 'main.js')).resolve(specifier));
  return `((files, made = []) => {
    const include = (number) => {
      if (made[number] === undefined) {
        made[number] = { exports: {} };
        files[number](made[number], made[number].exports, include);
      }
      return made[number].exports;
    };
    return include(0);
  })([\n${files.join(',\n')}\n])`;
}

/** Other characters as escapes, which they are equal to in texts and patterns: V8 takes a script of one-byte characters as it is. */
function ascii(text) {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The modules as one function: each a block of its own, whose exports are properties of `mN`. */
function joined(modules, folder) {
  const ids = new Map(modules.map(({ path }, index) => [path, `m${index}`]));
  const outside = new Map();
  const outsideName = (specifier) => {
    if (!outside.has(specifier)) outside.set(specifier, `x${outside.size}`);
    return outside.get(specifier);
  };
  const blocks = modules.map(({ path, text }) => {
    const exported = [...text.matchAll(EXPORT)].map(([, , , name]) => name);
    const body = text
      .replace(/^#!.*\n/, '')
      .replace(/^\/\/# sourceMappingURL.*$/gm, '')
      .replace(/^export \{\};$/gm, '')
      .replace(IMPORT, (_, names, namespace, standard, specifier) => {
        const from = specifier.startsWith('.') ? ids.get(resolve(dirname(path), specifier)) : undefined;
        const source = from ?? outsideName(specifier);
        return `const ${names === undefined ? (namespace ?? standard) : pattern(names)} = ${source};`;
      })
      .replace(EXPORT, (_, async = '', kind, name) => `${async}${kind} ${name}`)
      .replace(/\bimport\('([^']+)'\)/g, (_, specifier) => {
        const from = specifier.startsWith('.') ? ids.get(resolve(dirname(path), specifier)) : undefined;
        if (from !== undefined) return `Promise.resolve(${from})`;
        return `load('${specifier.startsWith('.') ? specifierFrom(folder, resolve(dirname(path), specifier)) : specifier}')`;
      })
      .replaceAll('import.meta.url', `new URL('${specifierFrom(folder, path)}', here)`);
    if (/^\s*(import|export)\b/m.test(body)) throw new Error(`${path}: an import or export of unknown form`);
    return `const ${ids.get(path)} = {};\n{\n${body}\nObject.assign(${ids.get(path)}, { ${exported.join(', ')} });\n}\n`;
  });
  const requires = [...outside].map(([specifier, name]) => {
    return `const ${name} = ${PACKAGES.has(specifier) ? packaged(specifier) : `require('${specifier}')`};\n`;
  });
  const result = `return { ${[...ids.values()].join(', ')} };`;
  const text = `(function (require, load, here) {\n${requires.join('')}${blocks.join('')}${result}\n})`;
  return { text: ascii(text), ids };
}

/** What V8 makes of a script when it compiles all of it, not only what is called at once. */
function compiled(text, filename) {
  setFlagsFromString('--no-lazy');
  const script = new Script(text, { filename });
  setFlagsFromString('--lazy');
  return script.createCachedData();
}

/** Runs the script once, for whoever requires it: the command, which so needs no ES module, and hot.js. */
const LOADER = `const { readFileSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const filename = \`\${__dirname}/hot.cjs\`;
const cachedData = readFileSync(\`\${__dirname}/hot.cache\`);
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
module.exports = script.runInThisContext()(require, (name) => import(name), pathToFileURL(filename).href);
`;

if (existsSync(join(root, 'hot.js'))) throw new Error('it is joined already: build it anew');
const modules = inOrder(HOT);
const { text, ids } = joined(modules, root);
for (const { path, text: original } of modules) {
  const names = [...original.matchAll(EXPORT)].map(([, , , name]) => name);
  const hot = specifierFrom(dirname(path), join(root, 'hot.js'));
  const stub = names.length === 0 ? 'export {};' : `export const { ${names.join(', ')} } = ${ids.get(path)};`;
  writeFileSync(path, `import { ${ids.get(path)} } from '${hot}';\n${stub}\n`);
}
const parts = `{ ${[...ids.values()].join(', ')} }`;
writeFileSync(join(root, 'hot.cjs'), text);
writeFileSync(join(root, 'hot.cache'), compiled(text, join(root, 'hot.cjs')));
writeFileSync(join(root, 'load-hot.cjs'), LOADER);
writeFileSync(
  join(root, 'hot.js'),
  `import { createRequire } from 'node:module';\nexport const ${parts} = createRequire(import.meta.url)('./load-hot.cjs');\n`,
);
writeFileSync(
  join(root, 'tsimg.cjs'),
  `#!/usr/bin/env -S node --
require('./load-hot.cjs').${ids.get(join(root, 'cli/program.js'))}.runProgram(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
`,
);
