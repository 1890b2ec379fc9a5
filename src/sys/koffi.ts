import { createRequire } from 'node:module';
import type koffi from 'koffi';

let loaded: typeof koffi | undefined;

function load(): typeof koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
  } catch {
    // On musl, or where koffi was built from source: it finds out itself.
    return require('koffi');
  }
}

/**
 * koffi, loaded when it is first asked for. Its native part alone where that can be loaded: finding it by way of the package takes
 * five times as long (resolving `exports`, reading the ELF header of Node), and what the package adds to it is deprecated.
 */
export function loadKoffi(): typeof koffi {
  loaded ??= load();
  return loaded;
}
