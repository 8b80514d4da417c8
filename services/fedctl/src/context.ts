import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import type { Environment } from './environment.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'

/** The services of one platform that fedctl talks to. */
export const SERVICE_NAMES = [
  'peer-registry',
  'federation-gateway',
  'liveness',
  'audit-ledger',
  'grant-authz',
  'spawn-provisioner',
  'sdwan-compiler',
] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

const hostPort = z.string().regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')
const ContextFile = z.object({
  name: z.string().min(1),
  trustDomain: z.string().min(1),
  /** Folder of cert.pem, key.pem and roots.pem; when not absolute, beside the file. */
  identityDir: z.string().min(1),
  services: z.partialRecord(z.enum(SERVICE_NAMES), hostPort),
})

/** A platform, as whom to talk to it, and where. */
export type Context = z.infer<typeof ContextFile> & {
  readonly file: string
  /** What was given with --context; empty when nothing was. */
  readonly flag: string
}

/**
 * The context a command is for: --context, else FEDCTL_CONTEXT, else the only one there is.
 *
 * A name is looked for as a file, then in `.data/<name>/fedctl.json` of the project we stand in (the demo puts it
 * there), then in `~/.config/fedctl/contexts/<name>.json`.
 */
export function findContext(flag: string | undefined, env: Environment): Context {
  const name = flag ?? env.context ?? onlyContext(env)
  const file = candidates(name, env).find((path) => existsSync(path) && statSync(path).isFile())
  if (!file) throw contextProblem(`there is no context "${name}"`, known(env))
  return { ...readContext(file), file, flag: flag ?? '' }
}

function candidates(name: string, env: Environment): string[] {
  const asPath = /[/\\]|\.json$/.test(name) ? [resolve(env.cwd, name)] : []
  const demo = ancestors(env.cwd).map((dir) => join(dir, '.data', name, 'fedctl.json'))
  return [...asPath, ...demo, join(env.home, 'fedctl', 'contexts', `${name}.json`)]
}

function readContext(file: string): z.infer<typeof ContextFile> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw contextProblem(`${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  const result = ContextFile.safeParse(parsed)
  if (!result.success) throw contextProblem(`${file}: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`)
  return { ...result.data, identityDir: resolve(dirname(file), result.data.identityDir) }
}

/** The names of all contexts that can be named without a path. */
export function known(env: Environment): string[] {
  const own = list(join(env.home, 'fedctl', 'contexts')).filter((name) => name.endsWith('.json'))
  const demo = ancestors(env.cwd).flatMap((dir) =>
    list(join(dir, '.data')).filter((name) => existsSync(join(dir, '.data', name, 'fedctl.json'))),
  )
  return [...new Set([...demo, ...own.map((name) => basename(name, '.json'))])].sort()
}

function onlyContext(env: Environment): string {
  const names = known(env)
  if (names.length === 1 && names[0]) return names[0]
  throw contextProblem('say which platform you mean', names)
}

function contextProblem(message: string, names: readonly string[] = []): Problem {
  const next =
    names.length > 0
      ? `--context ${names.join('|')}, or set FEDCTL_CONTEXT`
      : 'write a context file: docs/run-a-platform.md, or start the demo: npm run demo'
  return new Problem({ reason: 'CONTEXT', message, next, exitCode: EXIT.usage })
}

function list(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

function ancestors(dir: string): string[] {
  const parent = dirname(dir)
  return parent === dir ? [dir] : [dir, ...ancestors(parent)]
}
