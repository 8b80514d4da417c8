import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Wanted } from './provider.ts'

/** Where everything of one local instance lies; its name is the instance's id, and its mark is a file. */
export type InstanceDir = {
  readonly dir: string
  readonly instanceId: string
  readonly mark: string
  readonly console: string
}

export type Mark = Wanted & { readonly startedAt: string }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MARK = 'instance.json'

/** The directory of an instance. The id comes from records and callers: it MUST be a UUID before it becomes a path. */
export function instanceDir(base: string, instanceId: string): InstanceDir {
  if (!UUID.test(instanceId)) throw new Error(`${JSON.stringify(instanceId)} is no instance's id: a UUID is`)
  const dir = join(base, instanceId)
  return { dir, instanceId, mark: join(dir, MARK), console: join(dir, 'console.log') }
}

/** Marks the directory as ours, once: what was wanted first stays. */
export function markInstance({ dir, mark }: InstanceDir, wanted: Wanted, now: Date): Mark {
  const before = markOf({ mark })
  if (before) return before
  mkdirSync(dir, { recursive: true, mode: 0o711 })
  const made: Mark = { ...wanted, startedAt: now.toISOString() }
  writeFileSync(`${mark}.new`, JSON.stringify(made), { mode: 0o600 })
  renameSync(`${mark}.new`, mark)
  return made
}

/** What was wanted of the instance; undefined when there is none. */
export function markOf({ mark }: Pick<InstanceDir, 'mark'>): Mark | undefined {
  try {
    return JSON.parse(readFileSync(mark, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * Whoever ended an instance while it was made found nothing of what comes next. MUST be asked after whatever was waited for,
 * right before something is begun; throws, and leaves nothing, when it was ended.
 */
export function beWanted(instance: InstanceDir): void {
  if (markOf(instance)) return
  removeInstance(instance)
  throw new Error(`the instance ${instance.instanceId} is gone: it was ended meanwhile`)
}

/** Every instance below `base`: all directories that bear an id, also those that a crash left before their mark. */
export function instancesIn(base: string): readonly { ref: string; instanceId: string; startedAt: Date }[] {
  const names = existsSync(base) ? readdirSync(base) : []
  return names
    .filter((name) => UUID.test(name))
    .map((instanceId) => {
      const mark = markOf(instanceDir(base, instanceId))
      return { ref: instanceId, instanceId, startedAt: new Date(mark?.startedAt ?? 0) }
    })
}

/** Removes the directory; the mark goes last, so that a removal cut short is found by `instancesIn` and begun again. */
export function removeInstance({ dir }: InstanceDir): void {
  for (const name of existsSync(dir) ? readdirSync(dir) : [])
    if (name !== MARK) rmSync(join(dir, name), { recursive: true, force: true })
  rmSync(dir, { recursive: true, force: true })
}
