import { isBuiltin } from 'node:module'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'
import { contract } from './contract.ts'
import { isHarmless, lateBuiltins } from './late-builtins.ts'

/** Where the project lies in a guest. */
export const GUEST_ROOT = '/opt/powernode'

/**
 * Puts a program and all it imports into one folder of few files.
 *
 * A guest without KVM spends most of its boot finding, reading and compiling a thousand modules; so it is handed them as
 * one. Modules look for files that lie beside them (migrations, package.json) by `import.meta.url`: each keeps the URL
 * that it would have in the guest's tree.
 */
export async function bundle(root: string, entries: Readonly<Record<string, string>>, out: string): Promise<void> {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(root, path)])),
    platform: 'node',
    external: (id) => isBuiltin(id) || OPTIONAL.includes(id),
    plugins: [whereModulesLie(root)],
    logLevel: 'silent',
  })
  await build.write({
    dir: out,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    minify: true,
    keepNames: true,
  })
  await build.close()
}

/** The same as one script, for a snapshot: it loads without modules, and most builtins only when the machine begins. */
export async function bundleWhole(root: string, entry: string, file: string): Promise<void> {
  const build = await rolldown({
    input: join(root, entry),
    platform: 'node',
    external: (id) => isHarmless(id) || OPTIONAL.includes(id),
    plugins: [lateBuiltins(), contract(root), whereModulesLie(root)],
    logLevel: 'silent',
  })
  await build.write({ file, format: 'cjs', codeSplitting: false, minify: true, keepNames: true })
  await build.close()
}

function whereModulesLie(root: string): Plugin {
  return {
    name: 'where a module lies in the guest',
    transform(code, id) {
      if (!code.includes('import.meta.')) return null
      const path = join(GUEST_ROOT, relative(root, id))
      const [url, dirname] = [pathToFileURL(path).href, join(path, '..')]
      return code
        .replaceAll('import.meta.url', JSON.stringify(url))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname))
        .replaceAll('import.meta.filename', JSON.stringify(path))
        .replaceAll('import.meta.main', 'false')
    },
  }
}

/** Asked for by libraries that do without them. */
const OPTIONAL: readonly string[] = ['pg-native', 'cloudflare:sockets', 'pg-cloudflare']
