import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentOf } from '../dev/src/environment.ts'
import { SERVICE_NAMES } from '../dev/src/services.ts'
import { preparationFrom } from './config.ts'
import { envFile, parseEnvFile } from './env-file.ts'

export const EXAMPLES = new URL('../env/', import.meta.url)

const HEADER =
  '# What deploy/platform/prepare.ts writes for this service out of platform.env. An example: do not edit.\n'
const STATE_DIR = '/var/lib/powernode'

/** The environment of each service for the example platform, by the names of their files. */
export function exampleFiles(): ReadonlyMap<string, string> {
  const said = parseEnvFile(readFileSync(new URL('platform.env', EXAMPLES), 'utf8'))
  const dir = mkdtempSync(join(tmpdir(), 'powernode-example-'))
  try {
    const { layout, settings } = preparationFrom({ ...said, STATE_DIR: dir })
    const files = SERVICE_NAMES.map((service) => {
      const variables = Object.entries(environmentOf(service, layout, settings)).map(([name, value]) => [
        name,
        asExample(value, dir),
      ])
      return [`${service}.env`, HEADER + envFile(Object.fromEntries(variables))] as const
    })
    return new Map(files)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The paths of a real host, and no password: those are drawn at random on it. */
function asExample(value: string, dir: string): string {
  return value.replaceAll(dir, STATE_DIR).replace(/^(postgres:\/\/[^:]+:)[^@]+@/, '$1written-by-prepare@')
}
