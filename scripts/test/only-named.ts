import module from 'node:module';

// Loaded before a test file of which only tests with a certain name are to run: it gets suites from named-suite.ts, not
// from uvu.

const SUITES = new URL('./named-suite.js', import.meta.url).href;

type Resolve = (specifier: string, context: object) => unknown;

/** Also run in the thread that Node 20 asks: nothing of this module's is used in it. */
function resolve(specifier: string, context: { readonly parentURL?: string }, next: Resolve, suites: string): unknown {
  if (specifier !== 'uvu' || context.parentURL === suites) return next(specifier, context);
  return { url: suites, shortCircuit: true };
}

// Node 22.15 and later
const registerHooks: unknown = Reflect.get(module, 'registerHooks');
if (typeof registerHooks === 'function') {
  registerHooks({
    resolve: (specifier: string, context: { readonly parentURL?: string }, next: Resolve) =>
      resolve(specifier, context, next, SUITES),
  });
} else {
  const hook = `(...args) => resolve(...args, ${JSON.stringify(SUITES)})`;
  const hooks = `${resolve}\nconst hook = ${hook};\nexport { hook as resolve };`;
  module.register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
