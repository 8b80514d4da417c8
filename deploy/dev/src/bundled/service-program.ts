import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SERVICE_NAMES, type ServiceName } from '../services.ts'
import { latestBuild, type Workshop } from './latest-build.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '')

const WORKSHOP: Workshop = {
  root: ROOT,
  services: [...SERVICE_NAMES, 'node-agent'],
  dir: join(ROOT, '.cache', 'services'),
  builder: join(ROOT, 'deploy', 'dev', 'src', 'bundled', 'bundle.ts'),
}

/** What node is given to start a service, and where it keeps what it compiled. */
export type Program = { readonly args: readonly string[]; readonly compiled: string }

/**
 * The program of a service: its bundle, or else its main.ts, which comes to the same and takes three times as long to load.
 *
 * The source is taken where POWERNODE_BUNDLED=0 asks for it, where no bundler is installed (production), and where bundling
 * fails: whoever has just broken one service may want to look at the others.
 */
export async function programOf(service: ServiceName | 'node-agent'): Promise<Program> {
  const build = isBundling() ? await latestBuild(WORKSHOP).catch(noteFailure) : undefined
  if (build !== undefined)
    return { args: ['--enable-source-maps', join(build, `${service}.mjs`)], compiled: join(build, 'compiled') }
  const compiled = process.env['NODE_COMPILE_CACHE'] ?? join(ROOT, '.cache', 'compile')
  mkdirSync(compiled, { recursive: true })
  return { args: [join(ROOT, 'services', service, 'src', 'main.ts')], compiled }
}

const isBundling = () => process.env['POWERNODE_BUNDLED'] !== '0' && existsSync(join(ROOT, 'node_modules', 'rolldown'))

function noteFailure(error: unknown): undefined {
  const why = error instanceof Error ? error.message : String(error)
  process.stderr.write(`services are started from their source, since bundling them failed: ${why}\n`)
}
