// Makes what is published of what is in src: the command and our programs as scripts of CommonJS, the library as one module, by
// esbuild, with source maps. Plain JavaScript: it is part of what makes the rest runnable.
//
// The command has three scripts: what every run loads, what all that reads images loads besides, and what is left. A module is in
// one of them and runs when it is first asked for; others ask for it by `modules` of its script. A program that runs in a thread or
// a process of its own has a script with all that it ever loads.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const MAIN = 'cli/program.ts';
/** Of the command, with what each begins; what they import goes to the first that needs it. The last takes all that is left. */
const SCRIPTS = {
  hot: [MAIN, 'cli/verb/container/run.ts', 'verbs/run/run-source.ts', 'cli/verb/unpack.ts', 'cli/verb/image/pull.ts'],
  images: ['verbs/rootfs/unpack.ts', 'verbs/image/pull-to-store.ts', 'verbs/layers/image-root.ts'],
  others: [],
};
const PROGRAMS = [
  'disk/read/layer-worker.ts',
  'host/life/monitor.ts',
  'verbs/helper/file-helper.ts',
  'verbs/helper/remove-helper.ts',
  'verbs/helper/unpack-helper.ts',
];
/** Packages that are joined, too; the others stay what npm installs. */
const PACKAGES = new Set(['commander', 'zod']);

const nameOf = (path) => path.replace(/^.*\//, '').replace(/\.ts$/, '');

/**
 * `import.meta.url` is that of the module that the script was made of, wherever the script lies. A script does not import what npm
 * installs by itself: its loader for Node 20 cannot let it. @param urlOf an expression
 */
function adapted(source, urlOf, isScript) {
  return {
    name: 'adapted',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
        const own = relative(source, path).replace(/\.ts$/, '.js');
        const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', urlOf(own));
        const contents = isScript ? text.replace(/\bimport\('([^.'][^']*)'\)/g, "importOutside('$1')") : text;
        return { contents, loader: 'ts', resolveDir: dirname(path) };
      });
    },
  };
}

/** Leaves what npm installs where it is; asks for modules of other scripts there. @param scriptOf of a module's path */
function outside(source, own, scriptOf) {
  return {
    name: 'outside',
    setup({ onResolve, onLoad, resolve: resolvePackage }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind, resolveDir }) => {
        const name = path.split('/').slice(0, path.startsWith('@') ? 2 : 1);
        if (!PACKAGES.has(name.join('/'))) return { path, external: true };
        const script = scriptOf(path);
        if (script !== own) return { path: `${script}:${path}`, namespace: 'script' };
        // One form of a package, whoever asks for it: with require() another one would be joined besides.
        return kind === 'require-call' ? resolvePackage(path, { kind: 'import-statement', resolveDir }) : undefined;
      });
      onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, namespace }) => {
        if (namespace !== 'file') return undefined;
        const module = relative(source, resolve(resolveDir, path));
        const script = scriptOf(module);
        return script === own ? undefined : { path: `${script}:${module}`, namespace: 'script' };
      });
      // Our own scripts; packages have files that are named so, too.
      onResolve({ filter: /^\.\/\w+\.cjs$/, namespace: 'script' }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => {
        const [script, module] = path.split(':');
        return { contents: `module.exports = require('./${script}.cjs').modules['${module}']();`, loader: 'js' };
      });
    },
  };
}

/** By script: its modules. */
async function modulesOf(source, root, options) {
  const { metafile } = await build({ ...options, entryPoints: [join(source, MAIN)], metafile: true, write: false });
  const imports = new Map(
    Object.entries(metafile.inputs).map(([path, input]) => [relative(source, resolve(root, path)), input.imports]),
  );
  const taken = new Map();
  const take = (module, script, late) => {
    const name = /node_modules\/(.*?)\//.exec(module)?.[1] ?? module;
    if (taken.has(name) || !imports.has(module)) return;
    taken.set(name, script);
    if (name !== module) return;
    for (const { path, kind } of imports.get(module)) {
      if (late || kind !== 'dynamic-import') take(relative(source, resolve(root, path)), script, late);
    }
  };
  for (const [script, entries] of Object.entries(SCRIPTS)) for (const entry of entries) take(entry, script, false);
  const last = Object.keys(SCRIPTS).at(-1);
  for (const module of imports.keys()) take(module, last, true);
  return taken;
}

/** Sigstore's public trusted root, as the dev dependency that carries it has it: data beside the scripts. */
function writeTrustedRoot(folder) {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json');
  const { targets } = seeds['https://tuf-repo-cdn.sigstore.dev'];
  writeFileSync(join(folder, 'public-good.trusted-root.json'), Buffer.from(targets['trusted_root.json'], 'base64'));
}

/**
 * Adds to compiled modules what is published.
 * @param root the checkout @param made where `src` was compiled to
 */
export async function joinScripts(root, made) {
  const source = join(root, 'src');
  const folder = join(made, 'scripts');
  mkdirSync(folder, { recursive: true });
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'silent',
  };
  const script = { ...common, format: 'cjs' };
  const banner = {
    js: `const { importOutside } = require('./start-script.cjs');
const ownUrl = (path) => require('node:url').pathToFileURL(\`\${__dirname}/../\${path}\`).href;`,
  };
  const scriptUrls = adapted(source, (own) => `ownUrl('${own}')`, true);
  const alone = { ...script, banner, plugins: [scriptUrls, outside(source, undefined, () => undefined)] };

  const api = build({
    ...common,
    format: 'esm',
    entryPoints: [join(source, 'api.ts')],
    outfile: join(made, 'api.js'),
    plugins: [
      adapted(source, (own) => `new URL('./${own}', import.meta.url).href`, false),
      outside(source, undefined, () => undefined),
    ],
  });
  const programs = PROGRAMS.map((program) =>
    build({ ...alone, entryPoints: [join(source, program)], outfile: join(folder, `${nameOf(program)}.cjs`) }),
  );
  const modules = await modulesOf(source, root, { ...alone, sourcemap: false });
  const parts = Object.keys(SCRIPTS).map((name) => {
    const own = [...modules.keys()].filter((module) => modules.get(module) === name);
    const entries = own.map((module) => `'${module}': () => require('${PACKAGES.has(module) ? '' : './'}${module}'),`);
    return build({
      ...script,
      banner,
      stdin: {
        contents: `exports.modules = {\n${entries.join('\n')}\n};`,
        resolveDir: source,
        sourcefile: `${name}.js`,
      },
      outfile: join(folder, `${name}.cjs`),
      plugins: [scriptUrls, outside(source, name, (module) => modules.get(module))],
    });
  });
  await Promise.all([api, ...programs, ...parts]);
  writeTrustedRoot(folder);

  const names = [...Object.keys(SCRIPTS), ...PROGRAMS.map(nameOf)];
  const digests = names.map((name) => {
    const text = readFileSync(join(folder, `${name}.cjs`));
    return [name, createHash('sha256').update(text).digest('hex').slice(0, 16)];
  });
  await build({
    ...script,
    entryPoints: [join(source, 'start-script.ts')],
    outfile: join(folder, 'start-script.cjs'),
    define: { SCRIPT_DIGESTS: JSON.stringify(Object.fromEntries(digests)) },
  });
  writeFileSync(
    join(made, 'tsimg.cjs'),
    `#!/usr/bin/env -S node --
// What Node exits with where something waits in vain
process.exitCode = 13;
const args = process.argv.slice(2);
const { modules } = require('./scripts/start-script.cjs').startScript('hot', args);
modules['${MAIN}']().runProgram(args).then((status) => {
  process.exitCode = status;
});
`,
    { mode: 0o755 },
  );
  mkdirSync(join(made, 'programs'));
  for (const name of PROGRAMS.map(nameOf)) {
    writeFileSync(
      join(made, 'programs', `${name}.cjs`),
      `process.exitCode = 13;
Promise.resolve(require('../scripts/start-script.cjs').startScript('${name}', ['${name}']).done).then(() => {
  if (process.exitCode === 13) process.exitCode = undefined;
});
`,
    );
  }
  for (const name of ['tsimg.cjs', 'api.js', 'api.d.ts']) {
    if (!existsSync(join(made, name))) throw new Error(`${name} was not made`);
  }
}
