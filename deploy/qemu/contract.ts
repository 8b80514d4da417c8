import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'

/** What a snapshot imports to know every service of the contract: `services`. */
export const CONTRACT = 'virtual:contract'

const GENERATED = 'libs/proto/src/gen'

/** All services that there are, found by what was generated for them: a list by hand would lack the next one. */
export function contract(root: string): Plugin {
  return {
    name: 'every service of the contract',
    resolveId: (id) => (id === CONTRACT ? `\0${CONTRACT}` : null),
    load: (id) => (id === `\0${CONTRACT}` ? { code: namesOf(root), moduleType: 'js' } : null),
  }
}

function namesOf(root: string): string {
  const files = globSync('**/*_pb.ts', { cwd: join(root, GENERATED) }).toSorted()
  const found = files.flatMap((file) => {
    const path = join(root, GENERATED, file)
    const names = [...readFileSync(path, 'utf8').matchAll(/^export const (\w+): GenService</gm)]
    return names.map(([, name = '']) => ({ name, path }))
  })
  const imports = found.map(({ name, path }, at) => `import { ${name} as _${at} } from ${JSON.stringify(path)}`)
  return `${imports.join('\n')}\nexport const services = [${found.map((_, at) => `_${at}`).join(', ')}]`
}
