/**
 * Puts services and all they import into one folder of few files. A program of its own, since who starts services has no other
 * use for a bundler, and production has none installed:
 *
 *   node deploy/dev/src/bundled/bundle.ts ROOT OUT SERVICE …
 *
 * Beside the bundles lies `inputs.json`: the files of ours that they hold, and that decide which these are.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'
import { inputsOf } from './inputs.ts'
import { onlyLines } from './only-lines.ts'

const [, , root = '', out = '', ...services] = process.argv

/** Asked for by libraries that do without them. */
const OPTIONAL: readonly string[] = ['pg-native', 'cloudflare:sockets', 'pg-cloudflare']

/** Modules look for files that lie beside them (migrations, package.json): each is told where it lies in the checkout. */
const whereModulesLie: Plugin = {
  name: 'where a module lies in the checkout',
  transform(code, id) {
    const isCommonJs =
      /\b__(?:dirname|filename)\b/.test(code) && !/(?:const|let|var) __(?:dirname|filename)\b/.test(code)
    if (!code.includes('import.meta.') && !isCommonJs) return null
    const [url, dir, file] = [pathToFileURL(id).href, dirname(id), id].map((place) => JSON.stringify(place))
    const told = code
      .replaceAll('import.meta.url', `${url}`)
      .replaceAll('import.meta.dirname', `${dir}`)
      .replaceAll('import.meta.filename', `${file}`)
    const all = isCommonJs ? told.replaceAll(/\b__dirname\b/g, `${dir}`).replaceAll(/\b__filename\b/g, `${file}`) : told
    return { code: all, map: null } // lines stay what they are
  },
}

const build = await rolldown({
  input: Object.fromEntries(services.map((name) => [name, join(root, 'services', name, 'src', 'main.ts')])),
  platform: 'node',
  external: (id) => isBuiltin(id) || OPTIONAL.includes(id),
  plugins: [whereModulesLie],
  logLevel: 'silent',
})
const { output } = await build.write({
  dir: out,
  format: 'esm',
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name]-[hash].mjs',
  keepNames: true, // of errors above all: they are logged, and told apart by them
  sourcemap: true,
  sourcemapExcludeSources: true, // they lie where the map says
})
await build.close()
for (const { fileName } of output.filter(({ fileName }) => fileName.endsWith('.map'))) {
  const file = join(out, fileName)
  writeFileSync(file, JSON.stringify(onlyLines(JSON.parse(readFileSync(file, 'utf8')))))
}

const known = new Set(inputsOf(root))
const bundled = output
  .flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  .filter((id) => id.startsWith(`${root}/`) && !id.includes('/node_modules/'))
  .map((id) => relative(root, id))
const unknown = bundled.filter((path) => !known.has(path))
if (unknown.length > 0) throw new Error(`a change of these would not be seen (inputs.ts): ${unknown.join(', ')}`)
const deciding = [...known].filter((path) => path.endsWith('.json'))
writeFileSync(join(out, 'inputs.json'), JSON.stringify([...new Set([...deciding, ...bundled])]))
